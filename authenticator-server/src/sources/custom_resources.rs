//! `IAMIdentityMapping` objects (`iamauthenticator.k8s.aws/v1alpha1`), one mapping each.
//!
//! Only the spec is read: whoever may write the status of an object would otherwise name the principal of a mapping that
//! somebody else made.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{Api, ApiResource, DynamicObject};
use mapping::format::custom_resource::{self, CustomResource, Object};
use mapping::format::{Loaded, Update};
use mapping::{Diagnostic, SourceName};
use sha2::{Digest as _, Sha256};

use super::Reading;
use super::reflector::Objects;

/// The objects as they were last seen, by name.
#[derive(Debug, Default)]
pub(super) struct CustomResources {
    objects: BTreeMap<Arc<str>, Seen>,
    /// Whether what was last read is what they say.
    is_read: bool,
}

/// An object, and no more of it than is needed: there may be a hundred thousand.
#[derive(Debug)]
struct Seen {
    /// Of the spec.
    digest: [u8; 32],
    resource: CustomResource,
    diagnostics: Box<[Diagnostic]>,
    /// Whether it was seen since the list began.
    is_listed: bool,
}

impl Objects for CustomResources {
    type Kind = DynamicObject;
    const SOURCE: SourceName = SourceName::Crd;
    const NAME: &'static str = "IAMIdentityMappings";
    const FIELDS: Option<&'static str> = None;
    const OPTIONAL: Option<(&'static str, &'static str, &'static str)> = Some((GROUP, VERSION, PLURAL));
    const WATCHES: u32 = 10;

    fn api(client: kube::Client) -> Api<DynamicObject> {
        let kind = ApiResource {
            group: GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: api_version(),
            kind: KIND.to_owned(),
            plural: PLURAL.to_owned(),
        };
        Api::all_with(client, &kind)
    }

    fn begin_list(&mut self) {
        self.objects.values_mut().for_each(|seen| seen.is_listed = false);
    }

    fn put(&mut self, object: DynamicObject) {
        let name = object.metadata.name.unwrap_or_default();
        let uid = object.metadata.uid.unwrap_or_default();
        let spec = object.data.get("spec").map_or_else(|| "null".to_owned(), ToString::to_string);
        let digest = Sha256::digest(&spec).into();
        let before = self.objects.get_mut(name.as_str());
        if let Some(seen) = before.filter(|seen| seen.resource.uid() == uid && seen.digest == digest) {
            seen.is_listed = true;
            return;
        }
        let before = self.objects.get(name.as_str());
        // The API server always says when it made an object; one without that would be the newest.
        let created = object.metadata.creation_timestamp.map_or(Timestamp::MAX, |time| time.0);
        let object = Object { name: &name, uid: &uid, created: SystemTime::from(created), spec: &spec };
        let Update { next: resource, diagnostics } = CustomResource::update(before.map(|seen| &seen.resource), &object);
        let seen = Seen { digest, resource, diagnostics: diagnostics.into(), is_listed: true };
        self.objects.insert(Arc::clone(seen.resource.name()), seen);
        self.is_read = false;
    }

    fn end_list(&mut self) {
        let before = self.objects.len();
        self.objects.retain(|_, seen| seen.is_listed);
        self.is_read &= self.objects.len() == before;
    }

    fn remove(&mut self, object: &DynamicObject) {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        if self.objects.remove(name).is_some() {
            self.is_read = false;
        }
    }

    fn reading(&mut self) -> Option<Reading> {
        if std::mem::replace(&mut self.is_read, true) {
            return None;
        }
        let Loaded { rules, diagnostics: duplicates } =
            custom_resource::rules(self.objects.values().map(|seen| &seen.resource));
        let mut diagnostics: Vec<_> = self.objects.values().flat_map(|seen| seen.diagnostics.iter().cloned()).collect();
        diagnostics.extend(duplicates);
        let unusable = rules.kept_count() > 0;
        Some(Reading { rules: Some(rules), diagnostics, unusable })
    }

    fn about(&self, diagnostic: &Diagnostic) -> Option<ObjectReference> {
        let name = diagnostic.object_name()?;
        Some(ObjectReference {
            api_version: Some(api_version()),
            kind: Some(KIND.to_owned()),
            name: Some(name.to_owned()),
            uid: self.objects.get(name).map(|seen| seen.resource.uid().to_owned()),
            ..ObjectReference::default()
        })
    }
}

fn api_version() -> String {
    format!("{GROUP}/{VERSION}")
}

const GROUP: &str = "iamauthenticator.k8s.aws";
const VERSION: &str = "v1alpha1";
const KIND: &str = "IAMIdentityMapping";
const PLURAL: &str = "iamidentitymappings";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::reflector::tests::list;
    use super::*;

    fn object(name: &str, user: &str, second: i64) -> DynamicObject {
        let arn = format!("arn:aws:iam::111122223333:user/{user}");
        serde_json::from_value(json!({
            "apiVersion": api_version(),
            "kind": KIND,
            "metadata": {
                "name": name,
                "uid": format!("uid-of-{name}"),
                "creationTimestamp": Timestamp::from_second(second).unwrap().to_string(),
            },
            "spec": {"arn": arn, "username": name, "groups": ["developers"]},
            "status": {"canonicalARN": "arn:aws:iam::111122223333:user/mallory", "userID": "AIDAMALLORY"},
        }))
        .unwrap()
    }

    fn broken(name: &str) -> DynamicObject {
        let mut object = object(name, "ann", 1);
        object.data["spec"]["arn"] = json!("ann");
        object
    }

    /// How many rules there are, and the objects of which something is told.
    fn read(objects: &mut CustomResources) -> Option<(usize, Vec<String>)> {
        let reading = objects.reading()?;
        let told = reading.diagnostics.iter().map(|diagnostic| diagnostic.object_name().unwrap().to_owned());
        Some((reading.rules.unwrap().rule_count(), told.collect()))
    }

    #[test]
    fn no_objects_are_read_and_empty() {
        let mut objects = CustomResources::default();
        list(&mut objects, Vec::new());
        assert_eq!(read(&mut objects), Some((0, vec![])));
    }

    #[test]
    fn objects_come_and_go_and_what_does_not_change_is_not_read_again() {
        let mut objects = CustomResources::default();
        list(&mut objects, vec![object("ann", "ann", 1), object("bob", "bob", 1)]);
        assert_eq!(read(&mut objects), Some((2, vec![])));
        list(&mut objects, vec![object("ann", "ann", 1), object("bob", "bob", 1)]);
        objects.put(object("bob", "bob", 1));
        assert_eq!(read(&mut objects), None);
        list(&mut objects, vec![object("ann", "ann", 1)]);
        assert_eq!(read(&mut objects), Some((1, vec![])), "a deletion that nobody told");
        objects.put(object("carol", "carol", 2));
        assert_eq!(read(&mut objects), Some((2, vec![])));
        objects.remove(&object("ann", "ann", 1));
        objects.remove(&object("dan", "dan", 1));
        assert_eq!(read(&mut objects), Some((1, vec![])));
    }

    #[test]
    fn an_object_that_cannot_be_used_is_told_and_the_others_stay() {
        let mut objects = CustomResources::default();
        list(&mut objects, vec![broken("ann"), object("bob", "bob", 1)]);
        let (rules, told) = read(&mut objects).unwrap();
        assert_eq!((rules, told[0].as_str()), (1, "ann"));
        let about = objects.about(&objects.objects["ann"].diagnostics[0]).unwrap();
        assert_eq!((about.name.as_deref(), about.uid.as_deref()), (Some("ann"), Some("uid-of-ann")));
    }

    #[test]
    fn an_object_that_is_broken_keeps_its_rule_and_one_that_is_made_anew_does_not() {
        let mut objects = CustomResources::default();
        objects.put(object("ann", "ann", 1));
        objects.put(broken("ann"));
        let reading = objects.reading().unwrap();
        assert!(reading.unusable);
        assert_eq!(reading.rules.unwrap().rule_count(), 1);
        let mut another = broken("ann");
        another.metadata.uid = Some("another".to_owned());
        objects.put(another);
        assert_eq!(read(&mut objects).unwrap().0, 0);
    }

    #[test]
    fn of_two_objects_about_one_arn_the_younger_is_told() {
        for (older, younger) in [("a", "b"), ("b", "a")] {
            let mut objects = CustomResources::default();
            list(&mut objects, vec![object(younger, "ann", 2), object(older, "ann", 1)]);
            assert_eq!(read(&mut objects), Some((1, vec![younger.to_owned()])));
        }
        let mut objects = CustomResources::default();
        list(&mut objects, vec![object("b", "ann", 1), object("a", "ann", 1)]);
        assert_eq!(read(&mut objects), Some((1, vec!["b".to_owned()])));
    }
}
