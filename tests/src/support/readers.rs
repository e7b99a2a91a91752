//! Readers of YAML that are not ours.

use serde_json::Value;

use super::signers;

/// What both readers of PyYAML make of each of these texts: `python` and `libyaml`, as `tests/interop/yaml_texts.py` says.
///
/// # Panics
///
/// If `INTEROP_PYTHON` has no PyYAML.
#[must_use]
pub fn pyyaml(texts: &[String]) -> Vec<Value> {
    let input: String = texts.iter().map(|text| format!("{}\n", Value::from(text.as_str()))).collect();
    let output = signers::script(&signers::python(), "yaml_texts.py", &input);
    let answers: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(answers.len(), texts.len(), "an answer to each text");
    answers
}
