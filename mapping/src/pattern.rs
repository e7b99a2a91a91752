//! Names with `*` and `?`.

use std::fmt;

use thiserror::Error;

use crate::principal::is_name_byte;

/// A pattern that a whole name fits or does not: `*` stands for any run of characters, an empty one too, and `?` for
/// exactly one. That is what IAM's `ArnLike` means by them
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>).
///
/// It is an automaton whose states are the bits of a number, so that a name is read once, from left to right, whatever
/// the pattern is: there is no backtracking that somebody could make expensive.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Pattern {
    /// As it was written; in lower case where case is ignored.
    text: Box<str>,
    case: Case,
    /// For each character: the places of the pattern at which it stands.
    letters: Box<[(u8, u128)]>,
    /// The places of `?`.
    any: u128,
    /// The places before which a `*` stands.
    runs: u128,
    /// The place after the last one.
    end: u128,
}

/// Whether upper and lower case of ASCII are told apart.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Case {
    Ignored,
    Kept,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum PatternError {
    #[error("the pattern has a character other than letters, digits, _+=,.@-, * and ?, and no name has one")]
    Character,
    #[error("the pattern is empty")]
    Empty,
    #[error("the pattern has more than {MAX_PLACES} characters beside *, and no name has as many")]
    TooLong,
}

impl Pattern {
    pub(crate) fn new(text: &str, case: Case) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut letters: Vec<(u8, u128)> = Vec::new();
        let (mut any, mut runs, mut place) = (0, 0, 1_u128);
        for byte in text.bytes().map(|byte| case.of(byte)) {
            match byte {
                b'*' => {
                    runs |= place;
                    continue;
                }
                b'?' => any |= place,
                byte if !is_name_byte(byte) => return Err(PatternError::Character),
                byte => match letters.iter_mut().find(|(letter, _)| *letter == byte) {
                    Some((_, places)) => *places |= place,
                    None => letters.push((byte, place)),
                },
            }
            place = place.checked_mul(2).ok_or(PatternError::TooLong)?;
        }
        let text = match case {
            Case::Ignored => text.to_ascii_lowercase().into(),
            Case::Kept => text.into(),
        };
        Ok(Self { text, case, letters: letters.into(), any, runs, end: place })
    }

    /// Whether all of the name fits.
    pub(crate) fn matches(&self, name: &str) -> bool {
        // The places that may stand next.
        let mut next = 1;
        for byte in name.bytes().map(|byte| self.case.of(byte)) {
            let letter = self.letters.iter().find(|(letter, _)| *letter == byte).map_or(0, |(_, places)| *places);
            next = ((next & (letter | self.any)) << 1) | (next & self.runs);
            if next == 0 {
                return false;
            }
        }
        next & self.end != 0
    }

    /// Whether it asks for one character at least, and not only for some number of them.
    pub(crate) fn has_letters(&self) -> bool {
        !self.letters.is_empty()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Case {
    const fn of(self, byte: u8) -> u8 {
        match self {
            Self::Ignored => byte.to_ascii_lowercase(),
            Self::Kept => byte,
        }
    }
}

/// One bit is the end. Names of roles and sessions have 64 characters at most
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
const MAX_PLACES: usize = 127;

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern, Case::Kept).unwrap().matches(name)
    }

    /// As the two signs are defined, and as slow as that is.
    fn naive(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|taken| naive(rest, &name[taken..])),
            Some((b'?', rest)) => !name.is_empty() && naive(rest, &name[1..]),
            Some((byte, rest)) => name.first() == Some(byte) && naive(rest, &name[1..]),
        }
    }

    #[test]
    fn a_star_is_any_run_and_a_question_mark_exactly_one() {
        for (pattern, fits, other) in [
            ("a", vec!["a"], vec!["", "A", "b", "aa", "ab", "ba"]),
            ("*", vec!["", "a", "ab"], vec![]),
            ("**", vec!["", "a", "ab"], vec![]),
            ("?", vec!["a", "?", "*"], vec!["", "ab"]),
            ("a?", vec!["ab", "aa"], vec!["a", "abc"]),
            ("?*", vec!["a", "ab"], vec![""]),
            ("*?", vec!["a", "ab"], vec![""]),
            ("a*", vec!["a", "ab", "abc"], vec!["", "ba"]),
            ("*a", vec!["a", "ba", "aa"], vec!["", "ab"]),
            ("a*b", vec!["ab", "aab", "abb", "axbxb"], vec!["a", "b", "abx", "xab"]),
            ("a*b*c", vec!["abc", "abbcc", "axbxc", "abcbc"], vec!["acb", "abcb", "ac"]),
            ("*a?c*", vec!["abc", "aabcc", "aac"], vec!["ac", "a", "ab"]),
        ] {
            for name in fits {
                assert!(matches(pattern, name), "{pattern} {name}");
            }
            for name in other {
                assert!(!matches(pattern, name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn case_is_ignored_or_kept() {
        for (case, is_match) in [(Case::Ignored, true), (Case::Kept, false)] {
            assert_eq!(Pattern::new("Dev-*", case).unwrap().matches("dEV-x"), is_match);
            assert!(Pattern::new("Dev-*", case).unwrap().matches("Dev-X"));
        }
    }

    #[test]
    fn a_text_that_no_name_fits_is_no_pattern() {
        use PatternError as E;
        for (text, error) in [
            ("", E::Empty),
            ("a b", E::Character),
            ("a/*", E::Character),
            ("é", E::Character),
            ("[a-z]*", E::Character),
        ] {
            assert_eq!(Pattern::new(text, Case::Kept), Err(error), "{text}");
        }
        let longest = "?".repeat(MAX_PLACES);
        assert!(matches(&longest, &"a".repeat(MAX_PLACES)));
        assert!(!matches(&longest, &"a".repeat(MAX_PLACES - 1)) && !matches(&longest, &"a".repeat(MAX_PLACES + 1)));
        assert!(matches(&format!("{longest}*"), &"a".repeat(1000)));
        assert_eq!(Pattern::new(&format!("{longest}a"), Case::Kept), Err(E::TooLong));
    }

    proptest! {
        #[test]
        fn it_matches_what_its_definition_matches(
            pattern in proptest::collection::vec(select(b"aab?**".to_vec()), 1..10),
            name in proptest::collection::vec(select(b"aab".to_vec()), 0..12),
        ) {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            prop_assert_eq!(matches(&text(&pattern), &text(&name)), naive(&pattern, &name));
        }

        #[test]
        fn a_name_with_some_of_it_replaced_by_signs_is_matched(
            (before, some, after) in ("[A-Za-z0-9_+=,.@-]{0,20}", "[A-Za-z0-9_+=,.@-]{1,20}", "[A-Za-z0-9_+=,.@-]{0,20}")
        ) {
            let name = format!("{before}{some}{after}");
            let star = format!("{before}*{after}");
            let one_each = format!("{before}{}{after}", "?".repeat(some.len()));
            prop_assert!(matches(&star, &name) && matches(&one_each, &name) && matches(&name, &name));
            let one_more = one_each + "?";
            prop_assert!(!matches(&one_more, &name));
        }
    }
}
