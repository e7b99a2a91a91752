//! What was probably meant by a name that nobody knows.

/// The candidate that was probably meant by a misspelt name, if one is near enough.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro_winkler(name, candidate), candidate));
    let best = scored.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(score, _)| *score > NEAR).map(|(_, candidate)| candidate)
}

/// clap's own bound for "did you mean".
const NEAR: f64 = 0.7;
