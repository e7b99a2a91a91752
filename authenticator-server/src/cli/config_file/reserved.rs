//! `server.reservedPrefixConfig`: names that a source must not give.
//!
//! It keeps people out, so nothing in it is passed over: what cannot be obeyed is an error.

use mapping::format::yaml::{Map, Node, YamlError, nearest};
use mapping::{Quoted, ReservedPrefixes, SourceName};

use super::remark::{Reader, Remark};

/// What one source must not give.
#[derive(Debug)]
pub(in crate::cli) struct Reservation {
    /// The source.
    pub(in crate::cli) source: SourceName,
    /// The beginnings of names.
    pub(in crate::cli) prefixes: ReservedPrefixes,
    /// What to say where nobody asks that source.
    pub(in crate::cli) unused: Remark,
}

/// Reads the list; `full_key` is its own key, for remarks.
///
/// Each entry is the Go program's, `backendMode` and `usernamePrefixReserveList`, and may have a `groupPrefixReserveList`
/// besides, which that program does not know.
///
/// # Errors
/// When something is not of its key's type, a key is unknown, or a source is unknown, not named, or named twice (there, the
/// later entry undoes the earlier).
pub(super) fn read(value: &Node, full_key: &str, reader: &Reader<'_>) -> Result<Vec<Reservation>, YamlError> {
    let mut reservations: Vec<Reservation> = Vec::new();
    for entry in value.as_seq()? {
        let reservation = read_entry(entry, full_key, reader)?;
        if reservations.iter().any(|earlier| earlier.source == reservation.source) {
            return Err(entry.error(format!("{} has an entry already", reservation.source)));
        }
        reservations.push(reservation);
    }
    Ok(reservations)
}

fn read_entry(entry: &Node, full_key: &str, reader: &Reader<'_>) -> Result<Reservation, YamlError> {
    let map = entry.as_map()?;
    refuse_unknown_keys(map)?;
    let name = map.get_ignore_case(BACKEND_MODE).ok_or_else(|| entry.error(format!("{BACKEND_MODE} is missing")))?;
    let source = name.as_parsed()?;
    let prefixes = ReservedPrefixes::new(prefixes(map, USERNAMES)?, prefixes(map, GROUPS)?);
    let unused = format!("reserves nothing: {BACKEND_MODE} does not name {source}");
    Ok(Reservation { source, prefixes, unused: reader.remark(Some(full_key), name.location(), unused) })
}

fn prefixes<'a>(map: &'a Map, key: &str) -> Result<Vec<&'a str>, YamlError> {
    match map.get_ignore_case(key) {
        Some(list) if !list.is_null() => list.as_seq()?.iter().map(Node::as_text).collect(),
        _ => Ok(Vec::new()),
    }
}

fn refuse_unknown_keys(map: &Map) -> Result<(), YamlError> {
    let is_known = |key: &str| KEYS.iter().any(|known| known.eq_ignore_ascii_case(key));
    let Some(entry) = map.entries().iter().find(|entry| !is_known(entry.key())) else { return Ok(()) };
    let hint = nearest(entry.key(), KEYS).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    Err(entry.value().error(format!("unknown key {}{hint}", Quoted(entry.key()))))
}

const BACKEND_MODE: &str = "backendMode";
const USERNAMES: &str = "usernamePrefixReserveList";
const GROUPS: &str = "groupPrefixReserveList";
const KEYS: [&str; 3] = [BACKEND_MODE, USERNAMES, GROUPS];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::ConfigFile;
    use super::*;

    fn parse(value: &str) -> Result<Vec<(SourceName, ReservedPrefixes)>, String> {
        let text = format!("server:\n  reservedPrefixConfig: {value}\n");
        let file = ConfigFile::parse(Path::new("config.yaml"), text).map_err(|error| error.to_string())?;
        assert!(file.warnings.is_empty(), "{:?}", file.warnings);
        Ok(file.reserved.into_iter().map(|reservation| (reservation.source, reservation.prefixes)).collect())
    }

    #[test]
    fn an_entry_reserves_names_for_its_source_and_its_keys_are_known_in_any_case() {
        use SourceName::{EksConfigMap, MountedFile};
        let entry =
            "[{backendMode: EKSConfigMap, usernamePrefixReserveList: ['system:', aws], groupPrefixReserveList: [g]}]";
        let expected = [(EksConfigMap, ReservedPrefixes::new(["system:", "aws"], ["g"]))];
        for text in [entry.to_owned(), entry.replace("Prefix", "PREFIX").replace("backendMode", "backendmode")] {
            assert_eq!(parse(&text).unwrap(), expected, "{text}");
        }
        assert_eq!(
            parse("[{backendMode: File, usernamePrefixReserveList: [a]}, {backendMode: CRD, groupPrefixReserveList:}]"),
            Ok(vec![
                (MountedFile, ReservedPrefixes::new(["a"], [""; 0])),
                (SourceName::Crd, ReservedPrefixes::default())
            ])
        );
        assert_eq!(parse("[]"), Ok(vec![]));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_obeyed_is_refused_where_it_stands() {
        for (value, place, message) in [
            ("text", "2:25", "expected a list, found \"text\""),
            ("{backendMode: CRD}", "2:25", "expected a list, found a mapping"),
            ("[CRD]", "2:26", "expected a mapping"),
            ("[{usernamePrefixReserveList: [a]}]", "2:26", "backendMode is missing"),
            ("[{backendMode: EKSConfigmap}]", "2:40", "did you mean EKSConfigMap?"),
            ("[{backendMode: [CRD]}]", "2:40", "expected text, found a list"),
            ("[{backendMode: CRD, usernamePrefixReserveList: a}]", "2:72", "expected a list, found \"a\""),
            ("[{backendMode: CRD, groupPrefixReserveList: [[a]]}]", "2:70", "expected text, found a list"),
            ("[{backendMode: CRD, groupPrefixReserveLists: [a]}]", "2:70", "did you mean groupPrefixReserveList?"),
            ("[{backendMode: File}, {backendMode: MountedFile}]", "2:47", "MountedFile has an entry already"),
        ] {
            let error = parse(value).unwrap_err();
            assert!(error.starts_with(&format!("config.yaml:{place}: server.reservedPrefixConfig: ")), "{error}");
            assert!(error.contains(message), "{error}");
        }
    }
}
