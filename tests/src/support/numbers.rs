//! What a webhook tells in numbers, at a moment.

use http::Request;
use http_body_util::Full;

use super::review::Reviewer;

/// The lines of its `/metrics`.
#[derive(Clone, Debug)]
pub struct Numbers(Vec<String>);

impl Numbers {
    /// Asks for them.
    ///
    /// # Panics
    ///
    /// It does not answer.
    pub async fn read(reviewer: &Reviewer) -> Numbers {
        let url = reviewer.url().replace("/authenticate", "/metrics");
        let request = Request::get(url).body(Full::default()).expect("a request");
        let response = reviewer.send(request).await.expect("an answer");
        Numbers(String::from_utf8_lossy(response.body()).lines().map(str::to_owned).collect())
    }

    /// The sum of all samples whose name, and first labels, are these; of the webhook's own without `authenticator_server_`.
    #[must_use]
    pub fn sum(&self, metric: &str) -> f64 {
        let ours = format!("authenticator_server_{metric}");
        let rows = self.0.iter().filter(|line| line.starts_with(&ours) || line.starts_with(metric));
        rows.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// How many lines there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
