//! What `DescribeInstances` makes of its parameters.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>; codes:
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use sha2::{Digest, Sha256};

use super::{Machine, Refusal};
use crate::support::sts::sigv4::Pairs;

/// What one answer holds.
pub(super) struct Page<'a> {
    pub(super) machines: Vec<&'a Machine>,
    /// Where the next one begins.
    pub(super) next_token: Option<String>,
}

/// The machines that are asked for, of those that the caller may see.
pub(super) fn page<'a>(form: &Pairs, theirs: &[&'a Machine], most: usize) -> Result<Page<'a>, Refusal> {
    let Question { ids, filters, max_results, next_token } = Question::read(form)?;
    let mut wanted = theirs.to_vec();
    if !ids.is_empty() {
        let unknown: Vec<&str> =
            ids.iter().filter(|id| !theirs.iter().any(|machine| machine.id == **id)).map(String::as_str).collect();
        if !unknown.is_empty() {
            return Err(not_found(&unknown));
        }
        wanted.retain(|machine| ids.contains(&machine.id));
    }
    for filter in &filters {
        let mut fits = Vec::new();
        for machine in wanted {
            let values = values(machine, &filter.name)
                .ok_or_else(|| invalid("InvalidParameterValue", format!("The filter '{}' is invalid", filter.name)))?;
            if values.iter().any(|value| filter.values.iter().any(|pattern| is_like(value, pattern))) {
                fits.push(machine);
            }
        }
        wanted = fits;
    }

    // A token is good for the question that it was given for alone.
    let asked: Vec<_> = filters.iter().map(|filter| (&filter.name, &filter.values)).collect();
    let question = STANDARD.encode(Sha256::digest(format!("{ids:?} {asked:?}")));
    let start = match next_token {
        Some(token) => place(&token, &question)?,
        None => 0,
    };
    let size = most.min(max_results.unwrap_or(MOST));
    let end = wanted.len().min(start + size);
    let next_token = (end < wanted.len()).then(|| STANDARD.encode(format!("{end} {question}")));
    let machines = wanted.get(start..end).unwrap_or_default().to_vec();
    Ok(Page { machines, next_token })
}

/// The ids that a request names, wherever.
pub(super) fn ids(form: &Pairs) -> Vec<String> {
    Question::read(form).map_or_else(
        |_| Vec::new(),
        |Question { ids, filters, .. }| {
            let filtered = filters.into_iter().filter(|filter| filter.name == "instance-id");
            ids.into_iter().chain(filtered.flat_map(|filter| filter.values)).collect()
        },
    )
}

#[derive(Default)]
struct Question {
    ids: Vec<String>,
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Default)]
struct Filter {
    name: String,
    values: Vec<String>,
}

impl Question {
    fn read(form: &Pairs) -> Result<Question, Refusal> {
        let mut question = Question::default();
        let mut ids = BTreeMap::new();
        let mut filters: BTreeMap<u32, (Vec<String>, BTreeMap<u32, String>)> = BTreeMap::new();
        for (name, value) in form.iter() {
            let unknown = || invalid("UnknownParameter", format!("The parameter {name} is not recognized"));
            let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0).ok_or_else(unknown);
            let path: Vec<&str> = name.split('.').collect();
            match path[..] {
                ["Action" | "Version"] => {}
                ["MaxResults"] => question.max_results = Some(max_results(value)?),
                ["NextToken"] => question.next_token = Some(value.to_owned()),
                ["InstanceId", n] => {
                    ids.insert(number(n)?, value.to_owned());
                }
                ["Filter", n, "Name"] => filters.entry(number(n)?).or_default().0.push(value.to_owned()),
                ["Filter", n, "Value", m] => {
                    filters.entry(number(n)?).or_default().1.insert(number(m)?, value.to_owned());
                }
                _ => return Err(unknown()),
            }
        }
        question.ids = ids.into_values().collect();
        for (_, (names, values)) in filters {
            let [name] = &names[..] else {
                return Err(invalid("InvalidParameterValue", "a filter has one name".to_owned()));
            };
            if values.is_empty() {
                return Err(invalid("InvalidParameterValue", format!("The filter '{name}' has no value")));
            }
            question.filters.push(Filter { name: name.clone(), values: values.into_values().collect() });
        }
        question.check()?;
        Ok(question)
    }

    fn check(&self) -> Result<(), Refusal> {
        if let Some(id) = self.ids.iter().find(|id| !is_id(id)) {
            return Err(invalid("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")));
        }
        if !self.ids.is_empty() && self.max_results.is_some() {
            return Err(invalid(
                "InvalidParameterCombination",
                "The parameter instancesSet cannot be used with the parameter maxResults".to_owned(),
            ));
        }
        if self.filters.len() > MOST_FILTERS {
            return Err(invalid("FilterLimitExceeded", format!("The maximum number of filters is {MOST_FILTERS}")));
        }
        if self.filters.iter().map(|filter| filter.values.len()).sum::<usize>() > MOST_VALUES {
            return Err(invalid(
                "FilterLimitExceeded",
                format!("The maximum number of filter values specified on a single call is {MOST_VALUES}"),
            ));
        }
        Ok(())
    }
}

fn max_results(text: &str) -> Result<usize, Refusal> {
    text.parse().ok().filter(|number| (LEAST..=MOST).contains(number)).ok_or_else(|| {
        invalid(
            "InvalidParameterValue",
            format!("Value ( {text} ) for parameter maxResults is invalid. Expecting a value from {LEAST} to {MOST}."),
        )
    })
}

/// Where the page of a token begins.
fn place(token: &str, question: &str) -> Result<usize, Refusal> {
    let text = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let place = text.split_once(' ').filter(|(_, asked)| *asked == question);
    place
        .and_then(|(place, _)| place.parse().ok())
        .ok_or_else(|| invalid("InvalidNextToken", "The specified token value is not valid".to_owned()))
}

/// What a filter of this name looks at; `None` where there is no such filter here.
fn values(machine: &Machine, filter: &str) -> Option<Vec<String>> {
    if let Some(key) = filter.strip_prefix("tag:") {
        return Some(machine.tags.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone()).collect());
    }
    match filter {
        "instance-id" => Some(vec![machine.id.clone()]),
        "instance-state-name" => Some(vec![machine.state.code_and_name().1.to_owned()]),
        "owner-id" => Some(vec![machine.account.clone()]),
        "private-dns-name" => Some(vec![machine.private_dns_name.clone()]),
        "tag-key" => Some(machine.tags.iter().map(|(key, _)| key.clone()).collect()),
        "vpc-id" => Some(vec![machine.vpc.clone()]),
        _ => None,
    }
}

/// `*` stands for any text, `?` for one character.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).filter_map(|skip| text.get(skip..)).any(|tail| is_like(tail, rest.as_str())),
        Some(wanted) => {
            let mut characters = text.chars();
            characters.next().is_some_and(|found| wanted == '?' || wanted == found)
                && is_like(characters.as_str(), rest.as_str())
        }
    }
}

fn is_id(text: &str) -> bool {
    text.strip_prefix("i-").is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn not_found(unknown: &[&str]) -> Refusal {
    let message = match unknown {
        [id] => format!("The instance ID '{id}' does not exist"),
        ids => format!("The instance IDs '{}' do not exist", ids.join(", ")),
    };
    invalid("InvalidInstanceID.NotFound", message)
}

fn invalid(code: &'static str, message: String) -> Refusal {
    Refusal::new(code, StatusCode::BAD_REQUEST, message)
}

/// The bounds of `MaxResults`.
const LEAST: usize = 5;
pub(super) const MOST: usize = 1000;
const MOST_FILTERS: usize = 50;
const MOST_VALUES: usize = 200;

#[cfg(test)]
mod tests;
