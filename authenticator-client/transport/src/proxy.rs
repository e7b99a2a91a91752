//! The proxies that the environment names, and for which hosts they are not used. Pure.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::uri::Authority;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

/// The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY`, but for the hosts in `NO_PROXY`; each may be in lower case.
/// `ALL_PROXY` is not looked at, as aws-cli and Go do not.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    https: Option<Arc<Proxy>>,
    http: Option<Arc<Proxy>>,
    exempt: Exempt,
}

/// Which of two spellings of a variable decides where both are set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Precedence {
    /// `https_proxy` does, as for aws-cli.
    LowerCase,
    /// `HTTPS_PROXY` does, as for Go.
    UpperCase,
}

/// One proxy. It sees which host is asked for and nothing else: TLS goes through its tunnel.
pub struct Proxy {
    scheme: Scheme,
    /// Where it listens, as a URL that names host and port.
    place: Uri,
    user: Option<User>,
    variable: &'static str,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// Names are resolved by the proxy, whether or not the scheme is `socks5h`, as Go has it.
    Socks5,
}

/// As whom a proxy is asked.
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: Zeroizing<String>,
}

/// A variable that names no proxy. Its text is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{variable}: expected the URL of a proxy: http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT"
)]
pub struct ProxyError {
    /// The variable.
    variable: &'static str,
}

impl Proxies {
    /// What these variables say.
    ///
    /// # Errors
    /// When one of them names something else than a proxy, or cannot be read.
    pub fn new<E: From<ProxyError>>(
        variable: impl Fn(&'static str) -> Result<Option<String>, E>,
        precedence: Precedence,
    ) -> Result<Self, E> {
        let given = |[upper, lower]: [&'static str; 2]| {
            let names = match precedence {
                Precedence::UpperCase => [upper, lower],
                Precedence::LowerCase => [lower, upper],
            };
            for name in names {
                let text = variable(name)?.map(|text| text.trim().to_owned());
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    return Ok(Some((name, text)));
                }
            }
            Ok::<_, E>(None)
        };
        let proxy = |names| match given(names)? {
            Some((name, text)) => Ok(Some(Arc::new(Proxy::parse(name, &text)?))),
            None => Ok::<_, E>(None),
        };
        let https = proxy(["HTTPS_PROXY", "https_proxy"])?;
        // To a CGI program a client's header `Proxy:` comes as this variable.
        let is_of_cgi = variable("REQUEST_METHOD")?.is_some();
        let http = if is_of_cgi { None } else { proxy(["HTTP_PROXY", "http_proxy"])? };
        let exempt = given(["NO_PROXY", "no_proxy"])?.map(|(_, text)| Exempt::parse(&text)).unwrap_or_default();
        Ok(Self { https, http, exempt })
    }

    /// The proxy through which this URL is reached, if there is one.
    pub(crate) fn of(&self, url: &Uri) -> Option<&Arc<Proxy>> {
        let proxy = if url.scheme_str() == Some("http") { &self.http } else { &self.https };
        proxy.as_ref().filter(|_| !self.exempt.has(url))
    }

    /// The same, but what is not encrypted goes straight.
    #[must_use]
    pub fn for_https(self) -> Self {
        Self { http: None, ..self }
    }

    /// The proxy for what is encrypted, if there is one.
    #[must_use]
    pub fn https(&self) -> Option<&Proxy> {
        self.https.as_deref()
    }
}

impl Proxy {
    fn parse(variable: &'static str, text: &str) -> Result<Self, ProxyError> {
        let error = ProxyError { variable };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text.strip_prefix("//").unwrap_or(text)));
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Scheme::Http, 80),
            "https" => (Scheme::Https, 443),
            "socks5" | "socks5h" => (Scheme::Socks5, 1080),
            _ => return Err(error),
        };
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(User::parse(user)), place),
            None => (None, rest),
        };
        let place = place.split(['/', '?', '#']).next().unwrap_or_default();
        let authority: Authority = place.parse().map_err(|_| error)?;
        let port = match authority.port() {
            Some(port) => port.as_str().parse().map_err(|_| error)?,
            None => default_port,
        };
        let is_whole =
            place.len() == authority.host().len() + authority.port().map_or(0, |port| port.as_str().len() + 1);
        if authority.host().is_empty() || port == 0 || !is_whole {
            return Err(error);
        }
        let place = format!("http://{}:{port}", authority.host()).parse().map_err(|_| error)?;
        Ok(Self { scheme, place, user, variable })
    }

    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A name or an address, this without brackets.
    pub(crate) fn host(&self) -> &str {
        self.place.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// Where it listens, for whoever connects to the place of a URL.
    pub(crate) const fn place(&self) -> &Uri {
        &self.place
    }

    pub(crate) const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }
}

impl User {
    fn parse(text: &str) -> Self {
        let (name, password) = text.split_once(':').unwrap_or((text, ""));
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self { name: decoded(name), password: Zeroizing::new(decoded(password)) }
    }

    /// The value of `Proxy-Authorization`.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let pair = Zeroizing::new(format!("{}:{}", self.name, *self.password));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(&*pair))).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The proxy and the variable that names it, without user or password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Socks5 => "socks5",
        };
        let place = self.place.authority().map_or("", |place| place.as_str());
        write!(f, "{scheme}://{place} ({})", self.variable)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// The hosts of `NO_PROXY`, each with the port that it is said of, if it is said of one.
///
/// `*` is every host; an address and a network in CIDR form are themselves; a name is itself and what is under it, whether or not it
/// begins with `.` or `*.`. White space separates as a comma does.
#[derive(Clone, Debug, Default)]
struct Exempt(Vec<(Option<u16>, Arc<Matcher>)>);

impl Exempt {
    fn parse(text: &str) -> Self {
        let entries = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|entry| !entry.is_empty());
        Self(entries.map(Self::entry).collect())
    }

    fn entry(entry: &str) -> (Option<u16>, Arc<Matcher>) {
        let with_port = entry.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        let (host, port) = match with_port.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
            Some((host, port)) => (host, Some(port)),
            None => (entry, None),
        };
        let host = host.strip_prefix("*.").unwrap_or(host).trim_start_matches('[').trim_end_matches(']');
        // It only has to say for which hosts it names no proxy.
        (port, Arc::new(Matcher::builder().all("http://proxy").no(host).build()))
    }

    fn has(&self, url: &Uri) -> bool {
        let default = if url.scheme_str() == Some("http") { 80 } else { 443 };
        let asked = url.port_u16().unwrap_or(default);
        self.0.iter().any(|(port, matcher)| port.is_none_or(|port| port == asked) && matcher.intercept(url).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STS: &str = "https://sts.us-west-2.amazonaws.com";

    fn proxies(variables: &[(&str, &str)], precedence: Precedence) -> Result<Proxies, ProxyError> {
        let variable =
            |name: &str| Ok(variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned()));
        Proxies::new(variable, precedence)
    }

    /// The proxy for a URL, as it is shown.
    fn shown(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = proxies(variables, Precedence::LowerCase).unwrap();
        proxies.of(&url.parse().unwrap()).map(ToString::to_string)
    }

    #[test]
    fn a_proxy_is_a_url_of_one_of_four_schemes_with_white_space_around_it() {
        for (text, expected) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            (" HTTP://proxy.example:3128/\n", "http://proxy.example:3128"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("//proxy.example", "http://proxy.example:80"),
            ("https://proxy.example", "https://proxy.example:443"),
            ("socks5://proxy.example", "socks5://proxy.example:1080"),
            ("\tsocks5h://[::1]:9", "socks5://[::1]:9"),
            ("http://me:p%40ss@proxy.example", "http://proxy.example:80"),
            ("me:p@ss@proxy.example:1", "http://proxy.example:1"),
        ] {
            assert_eq!(shown(&[("HTTPS_PROXY", text)], STS).unwrap(), format!("{expected} (HTTPS_PROXY)"), "{text}");
        }
        for text in [
            "socks4://me:hidden@a",
            "ftp://me:hidden@a",
            "http://",
            "http://me:hidden@",
            "::hidden::",
            "http://a:0",
            "a:99999",
            "http://a b",
            "http://a:x",
        ] {
            let error = proxies(&[("https_proxy", text)], Precedence::UpperCase).unwrap_err().to_string();
            assert!(error.starts_with("https_proxy: expected the URL of a proxy: http://HOST:PORT"), "{error}");
            assert!(!error.contains("hidden"));
        }
    }

    #[test]
    fn a_user_and_a_password_are_decoded_and_not_shown() {
        let proxies =
            proxies(&[("HTTPS_PROXY", "http://m%65:p%40%3A/%2f@proxy.example")], Precedence::UpperCase).unwrap();
        let user = proxies.https().unwrap().user().unwrap();
        assert_eq!((user.name.as_str(), user.password.as_str()), ("me", "p@:/\u{2f}"));
        assert_eq!(user.basic().unwrap(), &format!("Basic {}", STANDARD.encode("me:p@://")));
        assert_eq!(format!("{proxies:?}").matches("proxy.example:80 (HTTPS_PROXY)").count(), 1);
        assert!(!format!("{proxies:?}").contains("p@"));
    }

    #[test]
    fn each_kind_of_url_has_its_variable_and_no_other() {
        let (https, http) = (("HTTPS_PROXY", "http://a"), ("HTTP_PROXY", "http://b"));
        assert_eq!(shown(&[https, http], STS).unwrap(), "http://a:80 (HTTPS_PROXY)");
        assert_eq!(shown(&[https, http], "http://localhost:4566").unwrap(), "http://b:80 (HTTP_PROXY)");
        assert_eq!(shown(&[http], STS), None);
        for name in ["ALL_PROXY", "all_proxy"] {
            assert_eq!(shown(&[(name, "http://a")], STS), None);
        }
        assert_eq!(shown(&[("HTTPS_PROXY", " ")], STS), None);
        assert_eq!(shown(&[http, ("REQUEST_METHOD", "GET")], "http://localhost"), None);
    }

    #[test]
    fn where_both_spellings_are_set_that_of_the_program_beside_us_decides() {
        let both = [("HTTPS_PROXY", "http://upper"), ("https_proxy", "http://lower")];
        for (precedence, expected) in [(Precedence::LowerCase, "lower"), (Precedence::UpperCase, "upper")] {
            let proxies = proxies(&both, precedence).unwrap();
            assert_eq!(proxies.https().unwrap().host(), expected);
        }
    }

    #[test]
    fn a_host_of_no_proxy_is_reached_straight() {
        for (no, expected) in [
            ("*.amazonaws.com", true),
            (".amazonaws.com", true),
            ("amazonaws.com", true),
            ("AMAZONAWS.com", true),
            ("localhost, sts.us-west-2.amazonaws.com", true),
            ("localhost *.amazonaws.com", true),
            ("sts.us-west-2.amazonaws.com:443", true),
            ("*.amazonaws.com:443", true),
            ("*", true),
            ("*.amazonaws.com:8443", false),
            ("*.us-east-1.amazonaws.com", false),
            ("naws.com", false),
            ("amazonaws.com.cn", false),
            ("", false),
            (",", false),
            ("10.0.0.0/8", false),
        ] {
            let no = [("HTTPS_PROXY", "http://a"), ("no_proxy", no)];
            assert_eq!(shown(&no, STS).is_none(), expected, "{no:?}");
        }
        for (no, url, expected) in [
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("10.1.2.3", "https://10.1.2.3:8443", true),
            ("10.1.2.3:443", "https://10.1.2.3:8443", false),
            ("::1", "https://[::1]:8443", true),
            ("[::1]:8443", "https://[::1]:8443", true),
            ("[::1]:8443", "https://[::1]", false),
            ("fd00::/8", "https://[fd00::1]", true),
        ] {
            assert_eq!(shown(&[("HTTPS_PROXY", "http://a"), ("NO_PROXY", no)], url).is_none(), expected, "{no} {url}");
        }
    }
}
