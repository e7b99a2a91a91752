//! The query of a presigned URL: nine names, each at most once, in any order, and nothing else.

use std::fmt;

use zeroize::Zeroizing;

use super::{TokenError, UrlError};

/// The parameters of a presigned GetCallerIdentity request.
///
/// The names are those of the AWS Signature Version 4 documentation ("Authenticating requests: using query
/// parameters"), matched to the letter: AWS's are case-sensitive, and no signer writes them another way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Parameter {
    /// `Action`
    Action,
    /// `Version`
    Version,
    /// `X-Amz-Algorithm`
    Algorithm,
    /// `X-Amz-Credential`
    Credential,
    /// `X-Amz-Date`
    Date,
    /// `X-Amz-Expires`
    Expires,
    /// `X-Amz-Security-Token`, for temporary credentials only.
    SecurityToken,
    /// `X-Amz-Signature`
    Signature,
    /// `X-Amz-SignedHeaders`
    SignedHeaders,
}

impl Parameter {
    /// Every parameter there is.
    pub const ALL: [Self; 9] = [
        Self::Action,
        Self::Version,
        Self::Algorithm,
        Self::Credential,
        Self::Date,
        Self::Expires,
        Self::SecurityToken,
        Self::Signature,
        Self::SignedHeaders,
    ];

    /// The parameter's name as it stands in a URL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::Version => "Version",
            Self::Algorithm => "X-Amz-Algorithm",
            Self::Credential => "X-Amz-Credential",
            Self::Date => "X-Amz-Date",
            Self::Expires => "X-Amz-Expires",
            Self::SecurityToken => "X-Amz-Security-Token",
            Self::Signature => "X-Amz-Signature",
            Self::SignedHeaders => "X-Amz-SignedHeaders",
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The decoded value of each parameter that is there.
#[derive(Default)]
pub(super) struct Query {
    values: [Option<Zeroizing<String>>; Parameter::ALL.len()],
}

impl Query {
    /// Reads `name=value` pairs joined by `&`.
    ///
    /// # Errors
    /// A pair that is none, a name that is not one of the nine or stands there twice, a value that is not percent-encoded
    /// ASCII.
    pub(super) fn parse(text: &str) -> Result<Self, TokenError> {
        let mut query = Self::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').ok_or(TokenError::Url(UrlError::Pair))?;
            if name.is_empty() || value.contains('=') {
                return Err(TokenError::Url(UrlError::Pair));
            }
            let parameter = Parameter::ALL.into_iter().find(|known| known.name() == name);
            let parameter = parameter.ok_or(TokenError::UnknownParameter)?;
            let value = percent_decode(value).ok_or(TokenError::Url(UrlError::Encoding))?;
            if query.slot(parameter).replace(value).is_some() {
                return Err(TokenError::Duplicate(parameter));
            }
        }
        Ok(query)
    }

    /// Takes the value of a parameter that must be there.
    pub(super) fn require(&mut self, parameter: Parameter) -> Result<Zeroizing<String>, TokenError> {
        self.take(parameter).ok_or(TokenError::Missing(parameter))
    }

    /// Takes the value of a parameter that may be there.
    pub(super) fn take(&mut self, parameter: Parameter) -> Option<Zeroizing<String>> {
        self.slot(parameter).take()
    }

    fn slot(&mut self, parameter: Parameter) -> &mut Option<Zeroizing<String>> {
        let [action, version, algorithm, credential, date, expires, token, signature, headers] = &mut self.values;
        match parameter {
            Parameter::Action => action,
            Parameter::Version => version,
            Parameter::Algorithm => algorithm,
            Parameter::Credential => credential,
            Parameter::Date => date,
            Parameter::Expires => expires,
            Parameter::SecurityToken => token,
            Parameter::Signature => signature,
            Parameter::SignedHeaders => headers,
        }
    }
}

/// Decodes a value in which every byte is unreserved (RFC 3986, section 2.3), `/`, or percent-encoded.
///
/// `+` and `;` are refused: some parsers read them as a space and as a separator, so a text with one has two meanings.
fn percent_decode(text: &str) -> Option<Zeroizing<String>> {
    let mut decoded = Zeroizing::new(String::with_capacity(text.len()));
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => hex_digit(bytes.next()?)? << 4 | hex_digit(bytes.next()?)?,
            b'-' | b'.' | b'_' | b'~' | b'/' => byte,
            _ if byte.is_ascii_alphanumeric() => byte,
            _ => return None,
        };
        if !byte.is_ascii() {
            return None;
        }
        decoded.push(char::from(byte));
    }
    Some(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> Option<TokenError> {
        Query::parse(text).err()
    }

    #[test]
    fn each_parameter_is_read_in_any_order_and_decoded_once() {
        let mut query = Query::parse("X-Amz-Date=a%2Fb&Action=%2541&Version=x/y-._~").unwrap();
        assert_eq!(query.require(Parameter::Date).unwrap().as_str(), "a/b");
        assert_eq!(query.require(Parameter::Action).unwrap().as_str(), "%41");
        assert_eq!(query.require(Parameter::Version).unwrap().as_str(), "x/y-._~");
        assert_eq!(query.take(Parameter::SecurityToken), None);
    }

    #[test]
    fn a_parameter_given_twice_is_refused_for_each_of_the_nine() {
        for parameter in Parameter::ALL {
            let text = format!("{parameter}=a&{parameter}=a");
            assert_eq!(error_of(&text), Some(TokenError::Duplicate(parameter)));
        }
    }

    #[test]
    fn a_name_in_another_spelling_is_another_parameter() {
        for name in ["action", "ACTION", "%41ction", "Action%20", "x-amz-date", "RoleArn", "Action\0"] {
            assert_eq!(error_of(&format!("{name}=a")), Some(TokenError::UnknownParameter), "{name}");
        }
    }

    #[test]
    fn a_query_with_two_readings_is_refused() {
        for text in ["", "&", "Action", "Action=a&", "&Action=a", "Action=a&&Version=b", "=a", "Action=a=b"] {
            assert_eq!(error_of(text), Some(TokenError::Url(UrlError::Pair)), "{text:?}");
        }
        for value in ["a+b", "a;b", "%", "%4", "%zz", "%+1", "%C3%A9", "%ff", "a b", "a\tb", "a%", "\u{e9}", "a,b"] {
            let text = format!("Action={value}");
            assert_eq!(error_of(&text), Some(TokenError::Url(UrlError::Encoding)), "{value:?}");
        }
    }
}
