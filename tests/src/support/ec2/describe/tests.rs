use super::*;

#[test]
fn a_question_is_answered_or_refused_as_ec2_does() {
    let (one, two) = ("i-00000000000000001", "i-00000000000000002");
    let many: Vec<String> = (1..=201).map(|n| format!("Filter.1.Value.{n}=i-{n:08x}")).collect();
    let rows: &[(String, Result<&[&str], &str>)] = &[
        (String::new(), Ok(&[one, two])),
        (format!("InstanceId.1={two}"), Ok(&[two])),
        (format!("InstanceId.1={two}&InstanceId.2=i-0000000f"), Err("InvalidInstanceID.NotFound")),
        (format!("InstanceId.1={two}&InstanceId.2=i-g"), Err("InvalidInstanceID.Malformed")),
        (format!("InstanceId.1={two}&MaxResults=5"), Err("InvalidParameterCombination")),
        (format!("Filter.1.Name=instance-id&Filter.1.Value.1={one}&Filter.1.Value.2=i-0000000f"), Ok(&[one])),
        ("Filter.1.Name=instance-id&Filter.1.Value.1=i-g".to_owned(), Ok(&[])),
        ("Filter.1.Name=instance-id&Filter.1.Value.1=*2".to_owned(), Ok(&[two])),
        ("Filter.1.Name=instance-id&Filter.1.Value.1=*&Filter.2.Name=tag:a&Filter.2.Value.1=?".to_owned(), Ok(&[two])),
        (format!("Filter.1.Name=instance-id&{}", many[..200].join("&")), Ok(&[])),
        (format!("Filter.1.Name=instance-id&{}", many.join("&")), Err("FilterLimitExceeded")),
        (format!("Filter.1.Value.1={one}"), Err("InvalidParameterValue")),
        ("Filter.1.Name=instance-id".to_owned(), Err("InvalidParameterValue")),
        ("Filter.1.Name=instance_id&Filter.1.Value.1=*".to_owned(), Err("InvalidParameterValue")),
        ("MaxResults=4".to_owned(), Err("InvalidParameterValue")),
        ("MaxResults=1001".to_owned(), Err("InvalidParameterValue")),
        ("NextToken=MQ==".to_owned(), Err("InvalidNextToken")),
        ("InstanceIds.1=i-0000000f".to_owned(), Err("UnknownParameter")),
        ("InstanceId.0=i-0000000f".to_owned(), Err("UnknownParameter")),
    ];
    for (form, expected) in rows {
        let answer = ask(form, MOST).map(|(ids, next)| {
            assert_eq!(next, None, "{form}");
            ids
        });
        let expected = expected.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(answer, expected, "{form}");
    }
}

#[test]
fn pages_follow_each_other_for_the_same_question_alone() {
    let (first, next) = ask("", 1).unwrap();
    let next = next.unwrap();
    let (second, end) = ask(&format!("NextToken={next}"), 1).unwrap();
    assert_eq!([first, second].concat(), ["i-00000000000000001", "i-00000000000000002"]);
    assert_eq!(end, None);
    let other = format!("NextToken={next}&Filter.1.Name=instance-id&Filter.1.Value.1=*");
    assert_eq!(ask(&other, 1), Err("InvalidNextToken"));
}

/// The ids of a page and the token of the next.
type Answer = Result<(Vec<String>, Option<String>), &'static str>;

fn ask(form: &str, most: usize) -> Answer {
    let machines =
        [Machine::new("111122223333", "us-west-2", 1), Machine::new("111122223333", "us-west-2", 2).tagged("a", "b")];
    let theirs: Vec<&Machine> = machines.iter().collect();
    let form = Pairs::parse(form).unwrap();
    let page = page(&form, &theirs, most).map_err(|refusal| refusal.code)?;
    Ok((page.machines.iter().map(|machine| machine.id.clone()).collect(), page.next_token))
}
