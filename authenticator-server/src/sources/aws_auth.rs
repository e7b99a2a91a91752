//! The ConfigMap `kube-system/aws-auth`: one small object, so that listing it costs next to nothing.

mod add;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use kube::api::Api;
use mapping::format::Update;
use mapping::format::aws_auth::AwsAuth;
use mapping::{Diagnostic, SourceName};

use super::Reading;
use super::reflector::Objects;

pub use add::{AddError, add};

/// The object as it was last seen, and the rules it left.
#[derive(Debug, Default)]
pub(super) struct AwsAuthObject {
    /// What it holds; nothing before it was looked for, and no data if there is none.
    seen: Option<BTreeMap<String, String>>,
    rules: Option<AwsAuth>,
    uid: Option<String>,
    /// Whether it was seen since the list began.
    is_listed: bool,
    update: Option<Update<AwsAuth>>,
}

impl Objects for AwsAuthObject {
    type Kind = ConfigMap;
    const SOURCE: SourceName = SourceName::EksConfigMap;
    const NAME: &'static str = "aws-auth";
    const FIELDS: Option<&'static str> = Some("metadata.name=aws-auth");
    const OPTIONAL: Option<(&'static str, &'static str, &'static str)> = None;
    const WATCHES: u32 = 1;

    fn api(client: kube::Client) -> Api<ConfigMap> {
        Api::namespaced(client, NAMESPACE)
    }

    fn begin_list(&mut self) {
        self.is_listed = false;
    }

    fn put(&mut self, object: ConfigMap) {
        if is_aws_auth(&object) {
            self.is_listed = true;
            self.see(object.metadata.uid, object.data.unwrap_or_default());
        }
    }

    fn end_list(&mut self) {
        if !self.is_listed {
            self.see(None, BTreeMap::new());
        }
    }

    fn remove(&mut self, object: &ConfigMap) {
        if is_aws_auth(object) {
            self.see(None, BTreeMap::new());
        }
    }

    fn reading(&mut self) -> Option<Reading> {
        let Update { next, diagnostics } = self.update.take()?;
        let rules = next.rules();
        if !rules.is_complete() {
            tracing::error!(
                source = %Self::SOURCE,
                "a key of aws-auth is unusable and always was: nobody else can be told whether it maps them"
            );
        }
        Some(Reading::new(rules, diagnostics))
    }

    fn about(&self, _: &Diagnostic) -> Option<ObjectReference> {
        Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("ConfigMap".to_owned()),
            name: Some(NAME.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            uid: self.uid.clone(),
            ..ObjectReference::default()
        })
    }
}

impl AwsAuthObject {
    fn see(&mut self, uid: Option<String>, data: BTreeMap<String, String>) {
        let exists = uid.is_some();
        self.uid = uid;
        if self.seen.as_ref() == Some(&data) {
            return;
        }
        if !exists {
            tracing::info!(source = %Self::SOURCE, "there is no aws-auth");
        }
        let update = AwsAuth::update(self.rules.as_ref(), &data);
        self.rules = Some(update.next.clone());
        self.seen = Some(data);
        self.update = Some(update);
    }
}

/// The field selector asks for no other; this makes sure that no other is taken.
fn is_aws_auth(object: &ConfigMap) -> bool {
    object.metadata.name.as_deref() == Some(NAME)
}

const NAMESPACE: &str = "kube-system";
const NAME: &str = "aws-auth";

#[cfg(test)]
mod tests {
    use super::super::reflector::tests::list;
    use super::*;

    const GOOD: &str = "- {rolearn: arn:aws:iam::111122223333:role/Dev, username: dev}";
    const USERS: &str = "- {userarn: arn:aws:iam::111122223333:user/jane, username: jane}";
    const BROKEN: &str = "- rolearn: [";

    fn config_map(name: &str, data: &[(&str, &str)]) -> ConfigMap {
        let data = data.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        let metadata = kube::core::ObjectMeta {
            name: Some(name.to_owned()),
            uid: Some("4f6c".to_owned()),
            ..kube::core::ObjectMeta::default()
        };
        ConfigMap { data: Some(data), metadata, ..ConfigMap::default() }
    }

    fn roles(text: &str) -> ConfigMap {
        config_map(NAME, &[("mapRoles", text)])
    }

    /// How many rules there are, and whether they are all.
    fn rules(object: &mut AwsAuthObject) -> Option<(usize, bool)> {
        let rules = object.reading()?.rules?;
        Some((rules.rule_count(), rules.is_complete()))
    }

    #[test]
    fn a_missing_object_is_read_and_empty() {
        let mut object = AwsAuthObject::default();
        list(&mut object, vec![config_map("another", &[("mapRoles", GOOD)])]);
        assert_eq!(rules(&mut object), Some((0, true)));
    }

    #[test]
    fn an_edit_is_taken_up_and_a_deletion_empties() {
        let mut object = AwsAuthObject::default();
        list(&mut object, vec![roles(GOOD)]);
        assert_eq!(rules(&mut object), Some((1, true)));
        object.remove(&config_map("another", &[]));
        assert_eq!(rules(&mut object), None);
        object.remove(&roles(GOOD));
        assert_eq!(rules(&mut object), Some((0, true)));
        object.put(roles(GOOD));
        assert_eq!(rules(&mut object), Some((1, true)));
        list(&mut object, Vec::new());
        assert_eq!(rules(&mut object), Some((0, true)));
    }

    #[test]
    fn a_broken_edit_leaves_the_rules_that_were_good() {
        let mut object = AwsAuthObject::default();
        object.put(roles(GOOD));
        object.put(roles(BROKEN));
        let reading = object.reading().unwrap();
        assert!(reading.unusable);
        assert_eq!(reading.rules.unwrap().rule_count(), 1);
        object.put(roles("[]"));
        assert_eq!(rules(&mut object), Some((0, true)));
    }

    #[test]
    fn an_object_with_a_key_that_was_never_good_is_not_all_of_it() {
        let mut object = AwsAuthObject::default();
        let with_users = |roles| config_map(NAME, &[("mapRoles", roles), ("mapUsers", USERS)]);
        for (roles, expected) in [(BROKEN, (1, false)), (GOOD, (2, true)), (BROKEN, (2, true))] {
            object.put(with_users(roles));
            assert_eq!(rules(&mut object), Some(expected), "{roles}");
        }
    }

    #[test]
    fn the_same_data_are_read_once() {
        let mut object = AwsAuthObject::default();
        object.put(roles(BROKEN));
        assert!(object.reading().is_some());
        list(&mut object, vec![roles(BROKEN)]);
        assert!(object.reading().is_none());
        object.put(roles(GOOD));
        assert!(object.reading().is_some());
    }
}
