//! `mapAccounts`.

use mapping::Decision;

use crate::support::{aws_auth, caller, chain, lines};

#[test]
fn an_account_id_is_read_as_text_however_it_is_written() {
    for list in ["- 012345678901", "- '012345678901'", "- \"012345678901\"", "[012345678901]", "[\"012345678901\"]"] {
        let chain = chain(&[("mapAccounts", list)]);
        let jane = caller("arn:aws:iam::012345678901:user/jane", "AIDAEXAMPLE");
        assert!(matches!(chain.decide(&jane), Decision::Granted(_)), "{list}");
        let other = caller("arn:aws:iam::112345678901:user/jane", "AIDAEXAMPLE");
        assert_eq!(chain.decide(&other), Decision::NotMapped, "{list}");
    }
}

#[test]
fn a_bad_account_is_named_and_the_good_ones_stay() {
    let update = aws_auth(&[(
        "mapAccounts",
        "- \"123456789012\"\n- 12345678901\n- 1.23e+11\n- \"1234-5678-9012\"\n- [a]\n-\n- 1234567890123",
    )]);
    assert_eq!(update.next.rules().account_count(), 1);
    assert_eq!(
        lines(&update.diagnostics),
        [
            "EKSConfigMap mapAccounts[1] line 2 column 3: error invalid_account: \"12345678901\": \
             the account id has 11 digits, not 12: leading zeros were lost; write \"012345678901\", in quotes",
            "EKSConfigMap mapAccounts[2] line 3 column 3: error invalid_account: \"1.23e+11\": \
             the account id is not exactly 12 digits; write the 12 digits of the account id, in quotes",
            "EKSConfigMap mapAccounts[3] line 4 column 3: error invalid_account: \"1234-5678-9012\": \
             the account id is not exactly 12 digits; write the 12 digits of the account id, in quotes",
            "EKSConfigMap mapAccounts[4] line 5 column 3: error wrong_type: expected text, found a list",
            "EKSConfigMap mapAccounts[5] line 6 column 2: error wrong_type: expected text, found nothing",
            "EKSConfigMap mapAccounts[6] line 7 column 3: error invalid_account: \"1234567890123\": \
             the account id is not exactly 12 digits; write the 12 digits of the account id, in quotes",
        ]
    );
}
