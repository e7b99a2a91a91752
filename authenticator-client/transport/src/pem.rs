//! Certificates in a PEM file, as OpenSSL reads them. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;

/// What is wrong with a file of certificates.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A line that begins a certificate, and none that ends it.
    #[error("line {0}: this certificate has no end")]
    NoEnd(usize),
    /// Something else than base64, or than DER, inside.
    #[error("line {0}: this certificate cannot be read")]
    Unreadable(usize),
    /// DER, which OpenSSL does not take here either.
    #[error("it is DER: expected PEM, as `openssl x509 -inform der` writes it")]
    Der,
    /// No certificate.
    #[error("it holds no certificate in PEM")]
    Nothing,
}

/// A certificate, and the line at which it begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Found {
    pub(crate) line: usize,
    pub(crate) certificate: CertificateDer<'static>,
}

/// The certificates of a file, of which there must be some. Whatever stands between them is passed over.
///
/// A `TRUSTED CERTIFICATE` carries what it is trusted for. One that is not trusted for servers is left out.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<Found>, Flaw> {
    if matches!(value(text), Some((SEQUENCE, _, []))) {
        return Err(Flaw::Der);
    }
    // A comment may be in any encoding.
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().zip(1..);
    let mut found = Vec::new();
    let mut is_empty = true;
    while let Some((line, number)) = lines.next() {
        let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.trim_end().strip_suffix("-----"))
        else {
            continue;
        };
        if !LABELS.contains(&label) {
            continue;
        }
        is_empty = false;
        let mut body = String::new();
        loop {
            match lines.next() {
                Some((line, _)) if line.starts_with("-----END ") => break,
                Some((line, _)) if !line.starts_with("-----BEGIN ") => body.extend(line.split_ascii_whitespace()),
                Some(_) | None => return Err(Flaw::NoEnd(number)),
            }
        }
        let unreadable = || Flaw::Unreadable(number);
        let der = STANDARD.decode(body).map_err(|_| unreadable())?;
        let (certificate, trust) = first(&der).ok_or_else(unreadable)?;
        let trusted = label != TRUSTED || is_for_servers(trust).ok_or_else(unreadable)?;
        if trusted {
            found.push(Found { line: number, certificate: CertificateDer::from(certificate.to_vec()) });
        }
    }
    if is_empty { Err(Flaw::Nothing) } else { Ok(found) }
}

/// The first value of DER with its tag and length, and what stands after it.
fn first(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, _, rest) = value(der)?;
    der.split_at_checked(der.len() - rest.len())
}

/// Tag, contents and what stands after the first value of DER.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match (first, rest) {
        (short @ ..=0x7f, rest) => (u32::from(short), rest),
        (0x81, [a, rest @ ..]) => (u32::from(*a), rest),
        (0x82, [a, b, rest @ ..]) => (u32::from_be_bytes([0, 0, *a, *b]), rest),
        (0x83, [a, b, c, rest @ ..]) => (u32::from_be_bytes([0, *a, *b, *c]), rest),
        _ => return None,
    };
    let (contents, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((tag, contents, rest))
}

/// Whether OpenSSL's trust settings (its `X509_CERT_AUX`) let the certificate vouch for servers: it is not rejected for them, and where
/// it says for what it is trusted, it is for them. `None` if they cannot be read.
fn is_for_servers(trust: &[u8]) -> Option<bool> {
    if trust.is_empty() {
        return Some(true);
    }
    let (SEQUENCE, mut settings, &[]) = value(trust)? else { return None };
    while let Some((tag, purposes, rest)) = value(settings) {
        let names_servers = || {
            let mut purposes = purposes;
            std::iter::from_fn(move || {
                let (_, purpose, rest) = value(purposes)?;
                purposes = rest;
                Some(purpose)
            })
            .any(|purpose| [SERVER_AUTH, ANY_PURPOSE].contains(&purpose))
        };
        match tag {
            SEQUENCE if !names_servers() => return Some(false),
            REJECTED if names_servers() => return Some(false),
            _ => settings = rest,
        }
    }
    settings.is_empty().then_some(true)
}

/// The labels under which OpenSSL reads a certificate (`PEM_STRING_X509`, `PEM_STRING_X509_OLD`, `PEM_STRING_X509_TRUSTED`).
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", TRUSTED];
const TRUSTED: &str = "TRUSTED CERTIFICATE";

const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed.
const REJECTED: u8 = 0xa0;
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
/// 2.5.29.37.0
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0];

#[cfg(test)]
mod tests {
    use super::*;

    const DER: &[u8] = &[0x30, 3, 1, 2, 3];

    fn block(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    fn lines(text: &str) -> Result<Vec<usize>, Flaw> {
        let found = certificates(text.as_bytes())?;
        assert!(found.iter().all(|found| &*found.certificate == DER), "{found:?}");
        Ok(found.into_iter().map(|found| found.line).collect())
    }

    #[test]
    fn a_certificate_is_read_under_each_of_openssls_labels_and_other_blocks_are_passed_over() {
        for label in LABELS {
            assert_eq!(lines(&block(label, DER)), Ok(vec![1]), "{label}");
            assert_eq!(lines(&block(label, DER).replace('\n', "\r\n")), Ok(vec![1]), "{label}");
        }
        let text = format!(
            "# caf\u{e9}\n{}\n{}text\n{}",
            block("PRIVATE KEY", b"k"),
            block(TRUSTED, DER),
            block("CERTIFICATE", DER)
        );
        assert_eq!(lines(&text), Ok(vec![6, 10]));
    }

    #[test]
    fn what_openssl_notes_after_a_certificate_is_heeded() {
        let oid = |oid: &[u8]| [&[6, u8::try_from(oid.len()).unwrap()], oid].concat();
        let all = |tag: u8, contents: &[u8]| [&[tag, u8::try_from(contents.len()).unwrap()], contents].concat();
        let client = &[0x2b, 6, 1, 5, 5, 7, 3, 2][..];
        let alias = all(0x0c, b"an alias");
        for (settings, trusted) in [
            (vec![], true),
            (alias.clone(), true),
            ([all(SEQUENCE, &oid(SERVER_AUTH)), alias.clone()].concat(), true),
            (all(SEQUENCE, &[oid(client), oid(SERVER_AUTH)].concat()), true),
            (all(SEQUENCE, &oid(ANY_PURPOSE)), true),
            (all(SEQUENCE, &oid(client)), false),
            (all(REJECTED, &oid(SERVER_AUTH)), false),
            (all(REJECTED, &oid(ANY_PURPOSE)), false),
            ([all(REJECTED, &oid(client)), alias.clone()].concat(), true),
        ] {
            let text = block(TRUSTED, &[DER, &all(SEQUENCE, &settings)].concat());
            assert_eq!(lines(&text).map(|lines| !lines.is_empty()), Ok(trusted), "{settings:x?}");
        }
        assert_eq!(lines(&block(TRUSTED, &[DER, &[SEQUENCE, 9, 0]].concat())), Err(Flaw::Unreadable(1)));
    }

    #[test]
    fn a_flaw_names_its_line() {
        let good = block("CERTIFICATE", DER);
        for (text, flaw) in [
            (format!("{good}-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"), Flaw::Unreadable(4)),
            (format!("{good}\n-----BEGIN CERTIFICATE-----\nAAAA\n"), Flaw::NoEnd(5)),
            (format!("-----BEGIN CERTIFICATE-----\nAAAA\n{good}"), Flaw::NoEnd(1)),
            (block("CERTIFICATE", &[0x30, 9, 1]), Flaw::Unreadable(1)),
            (String::new(), Flaw::Nothing),
            ("no certificate".to_owned(), Flaw::Nothing),
            (block("PRIVATE KEY", b"k"), Flaw::Nothing),
        ] {
            assert_eq!(lines(&text), Err(flaw), "{text}");
        }
        assert_eq!(certificates(DER), Err(Flaw::Der));
    }
}
