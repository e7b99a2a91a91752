use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Settings = BTreeMap<String, String>;

/// What botocore makes of a text.
#[derive(serde::Deserialize)]
struct Row {
    name: String,
    text: String,
    /// It raises `ConfigParseError`.
    #[serde(default)]
    refused: bool,
    /// The profiles, where the text is a config file.
    #[serde(default)]
    config: BTreeMap<String, Settings>,
    /// The profiles, where the text is a credentials file.
    #[serde(default)]
    credentials: BTreeMap<String, Settings>,
}

fn profiles(kind: SharedFileKind, text: &str) -> Result<BTreeMap<String, Settings>, IniError> {
    let settings = |(name, section): (String, Section)| {
        (name, section.settings.into_iter().map(|(key, value)| (key, value.to_string())).collect())
    };
    Ok(kind.parts(ini::parse(text)?).profiles.into_iter().map(settings).collect())
}

/// The table was made by botocore 1.43.11 on Python 3.11, and the botocore in aws-cli 2.9.19 makes the same of it: `config` is
/// `build_profile_map(raw_config_parse(file, parse_subsections=False))["profiles"]`, `credentials` is the inner call's own
/// answer, and a row is refused where `raw_config_parse(file)` raises.
#[test]
fn the_files_hold_what_botocore_finds_in_them() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("testdata/botocore.json")).unwrap();
    for Row { name, text, refused, config, credentials } in rows {
        for (kind, expected) in [(SharedFileKind::Config, config), (SharedFileKind::Credentials, credentials)] {
            let found = profiles(kind, &text);
            if refused {
                assert!(found.is_err(), "{name}: {found:?}");
            } else {
                assert_eq!(found, Ok(expected), "{name} as {kind:?}");
            }
        }
    }
}

#[test]
fn sso_sessions_and_services_are_parts_of_the_config_file_alone() {
    let text =
        "[sso-session one]\nk = v\n[services \"two words\"]\nk = v\n[sso-session]\n[sso-session a b]\n[services-x y]\n";
    let Parts { profiles, sso_sessions, services } = SharedFileKind::Config.parts(ini::parse(text).unwrap());
    let names = |part: HashMap<String, Section>| part.into_keys().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(profiles), [].into());
    assert_eq!(names(sso_sessions), ["one".to_owned()].into());
    // A title is told by how it starts, as botocore tells it.
    assert_eq!(names(services), ["two words".to_owned(), "y".to_owned()].into());
    let Parts { profiles, sso_sessions, services } = SharedFileKind::Credentials.parts(ini::parse(text).unwrap());
    assert_eq!((profiles.len(), sso_sessions.len(), services.len()), (5, 0, 0));
}

#[test]
fn a_line_that_cannot_be_read_is_named() {
    for (text, line, fault) in [
        ("[a]\nk = v\n\n[b]\n[a]\n", 5, IniFault::DuplicateSection { first: 1 }),
        ("[a]\nk = v\n  w\nK = v\n", 4, IniFault::DuplicateKey { first: 2 }),
        ("# c\r\n\r\nk = v\r\n", 3, IniFault::NoSection),
        ("[a]\nk\n", 2, IniFault::NoSetting),
        ("[a]\n= v\n", 2, IniFault::NoSetting),
        ("[a]\nk =\n  j = v\n  v\n", 4, IniFault::Nested),
    ] {
        assert_eq!(ini::parse(text).unwrap_err(), IniError { line, fault }, "{text:?}");
    }
}

/// What Python 3.11 says: `os.path.expandvars`, where `A=a`, `B_1` is `$A` and `E` is empty.
#[test]
fn variables_in_a_path_are_written_out_as_python_does() {
    let env = Env::from_slice(&[("A", "a"), ("B_1", "$A"), ("E", "")]);
    for (text, whole) in [
        ("$A/c", "a/c"),
        ("${A}c", "ac"),
        ("$A.$A-$A", "a.a-a"),
        ("$B_1", "$A"),
        ("$E/c", "/c"),
        ("$Ac", "$Ac"),
        ("${X}/$A", "${X}/a"),
        ("${A", "${A"),
        ("${}", "${}"),
        ("$$A$", "$a$"),
        ("\\$A", "\\a"),
        ("/c", "/c"),
    ] {
        assert_eq!(with_variables(text, &env), whole, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>()) {
        let _ = profiles(SharedFileKind::Config, &text);
        let _ = profiles(SharedFileKind::Credentials, &text);
    }

    /// Texts that get further than random ones.
    #[test]
    fn no_text_of_the_grammars_pieces_makes_the_reader_panic(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "[", "]", "profile ", "default", "DEFAULT", "=", ":", "#", ";", "\"", "'", "\\", "\n", "\r", " ", "\t", "k", "é",
                "\u{1c}", "\u{2028}", "[a]\n", "k = v\n", "  ",
            ]),
            0..60,
        )
    ) {
        let text = pieces.concat();
        let _ = profiles(SharedFileKind::Config, &text);
        let _ = profiles(SharedFileKind::Credentials, &text);
    }
}
