use std::{
    cell::Cell,
    convert::Infallible,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use jiff::SignedDuration;
use tempfile::TempDir;

use super::*;

struct Place {
    home: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    fn cache(&self) -> Cache {
        self.patient(Duration::from_secs(60))
    }

    fn patient(&self, patience: Duration) -> Cache {
        Cache::new(&Env::from_slice(&[("HOME", self.home.path().to_str().unwrap())]), patience)
    }

    fn directory(&self) -> PathBuf {
        self.home.path().join(".kube/cache/authenticator-client")
    }

    fn file(&self, key: &CacheKey, extension: &str) -> PathBuf {
        self.directory().join(format!("{key}.{extension}"))
    }

    /// The names in the directory, sorted.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.directory())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn set_mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn key(name: &str) -> CacheKey {
    CacheKey::new([("role", Some(name))])
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn temporary(id: &str, minutes: i64) -> Credentials {
    let end = now() + SignedDuration::from_mins(minutes);
    Credentials::new(id, "secret", Some("token".to_owned()), Some(end.into()), "test")
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// What the cache has or these credentials, and which of the two it was.
fn take(cache: &Cache, key: &CacheKey, credentials: &Credentials) -> (String, Origin) {
    let make = async || Ok::<_, Infallible>(credentials.clone());
    let Ok(Cached { credentials, from }) = block_on(cache.get_or_make(key, now, make));
    (credentials.access_key_id().to_owned(), from)
}

fn faults(cache: &Cache) -> Vec<String> {
    cache.take_faults().iter().map(ToString::to_string).collect()
}

#[test]
fn credentials_are_made_once_and_found_by_the_next_run() {
    let place = Place::new();
    assert_eq!(take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60)), ("ASIAFIRST".to_owned(), Origin::Made));
    let next = place.cache();
    assert_eq!(next.look_up(&key("a"), now()).unwrap().access_key_id(), "ASIAFIRST");
    assert_eq!(take(&next, &key("a"), &temporary("ASIANEXT", 60)), ("ASIAFIRST".to_owned(), Origin::Cache));
    assert_eq!(faults(&next), [""; 0]);
}

#[test]
fn another_choice_finds_other_credentials() {
    let place = Place::new();
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    assert!(place.cache().look_up(&key("b"), now()).is_none());
    assert_eq!(take(&place.cache(), &key("b"), &temporary("ASIAOTHER", 60)), ("ASIAOTHER".to_owned(), Origin::Made));
}

#[test]
fn credentials_that_are_about_to_end_are_made_anew() {
    let place = Place::new();
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    let later = now() + SignedDuration::from_mins(56);
    assert!(place.cache().look_up(&key("a"), later).is_none());
}

#[test]
fn keys_that_do_not_end_are_not_kept() {
    let place = Place::new();
    let forever = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    assert_eq!(take(&place.cache(), &key("a"), &forever), ("AKIAEXAMPLE".to_owned(), Origin::Made));
    assert!(place.cache().look_up(&key("a"), now()).is_none());
    assert_eq!(place.names(), [format!("{}.lock", key("a"))]);
}

#[test]
fn the_directory_and_its_files_are_the_owners_alone() {
    let place = Place::new();
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    assert_eq!(mode(&place.directory()), 0o700);
    assert_eq!(mode(&place.file(&key("a"), "json")), 0o600);
    assert_eq!(mode(&place.file(&key("a"), "lock")), 0o600);
    assert_eq!(place.names().len(), 2, "nothing unfinished is left");
}

#[test]
fn a_directory_that_others_can_read_is_refused_and_nothing_is_written() {
    let place = Place::new();
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    place.set_mode(&place.directory(), 0o750);
    let cache = place.cache();
    assert_eq!(take(&cache, &key("a"), &temporary("ASIANEXT", 60)), ("ASIANEXT".to_owned(), Origin::Made));
    assert_eq!(take(&cache, &key("b"), &temporary("ASIANEXT", 60)), ("ASIANEXT".to_owned(), Origin::Made));
    let faults = cache.take_faults();
    assert!(
        matches!(&faults[..], [CacheFault::Refused { source: Refusal::Mode { mode: 0o750 }, .. }]),
        "told once: {faults:?}"
    );
    place.set_mode(&place.directory(), 0o700);
    assert_eq!(place.cache().look_up(&key("a"), now()).unwrap().access_key_id(), "ASIAFIRST");
    assert!(place.cache().look_up(&key("b"), now()).is_none());
}

#[test]
fn a_file_that_others_can_read_is_refused_and_replaced() {
    let place = Place::new();
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    place.set_mode(&place.file(&key("a"), "json"), 0o644);
    let cache = place.cache();
    assert_eq!(take(&cache, &key("a"), &temporary("ASIANEXT", 60)), ("ASIANEXT".to_owned(), Origin::Made));
    assert!(matches!(cache.take_faults()[..], [CacheFault::Refused { .. }]));
    assert_eq!(mode(&place.file(&key("a"), "json")), 0o600);
    assert_eq!(take(&place.cache(), &key("a"), &temporary("ASIAX", 60)), ("ASIANEXT".to_owned(), Origin::Cache));
}

#[test]
fn no_symbolic_link_is_followed() {
    let (place, elsewhere) = (Place::new(), Place::new());
    take(&elsewhere.cache(), &key("a"), &temporary("ASIAELSEWHERE", 60));

    // Of a file: what it points to is as private as can be.
    take(&place.cache(), &key("b"), &temporary("ASIAFIRST", 60));
    symlink(elsewhere.file(&key("a"), "json"), place.file(&key("a"), "json")).unwrap();
    let cache = place.cache();
    assert!(cache.look_up(&key("a"), now()).is_none());
    assert!(matches!(cache.take_faults()[..], [CacheFault::Refused { source: Refusal::Kind { .. }, .. }]));

    // Of the directory.
    fs::remove_dir_all(place.directory()).unwrap();
    symlink(elsewhere.directory(), place.directory()).unwrap();
    let cache = place.cache();
    assert!(cache.look_up(&key("a"), now()).is_none());
    assert!(matches!(cache.take_faults()[..], [CacheFault::Refused { source: Refusal::Kind { .. }, .. }]));
}

#[test]
fn a_cache_that_cannot_be_used_costs_a_remark_and_nothing_else() {
    let place = Place::new();
    fs::write(place.home.path().join(".kube"), "a file").unwrap();
    let cache = place.cache();
    assert_eq!(take(&cache, &key("a"), &temporary("ASIAFIRST", 60)), ("ASIAFIRST".to_owned(), Origin::Made));
    assert!(matches!(cache.take_faults()[..], [CacheFault::Directory { .. }]));

    let cache = Cache::new(&Env::from_slice(&[]), Duration::ZERO);
    assert!(cache.look_up(&key("a"), now()).is_none());
    assert_eq!(faults(&cache), [""; 0], "nobody misses it yet");
    assert_eq!(take(&cache, &key("a"), &temporary("ASIAFIRST", 60)), ("ASIAFIRST".to_owned(), Origin::Made));
    assert!(matches!(cache.take_faults()[..], [CacheFault::Homeless]));

    let cache = Cache::off();
    assert_eq!(take(&cache, &key("a"), &temporary("ASIAFIRST", 60)), ("ASIAFIRST".to_owned(), Origin::Made));
    assert_eq!(faults(&cache), [""; 0]);
}

#[test]
fn a_file_that_is_no_entry_is_as_good_as_none() {
    let place = Place::new();
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    fs::write(place.file(&key("a"), "json"), "{").unwrap();
    assert_eq!(take(&place.cache(), &key("a"), &temporary("ASIANEXT", 60)), ("ASIANEXT".to_owned(), Origin::Made));
    assert!(place.cache().look_up(&key("a"), now()).is_some());
}

#[test]
fn of_thirty_two_that_ask_at_once_one_makes() {
    let place = Place::new();
    let (made, start) = (AtomicUsize::new(0), Barrier::new(32));
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                let cache = place.cache();
                start.wait();
                let make = async || {
                    made.fetch_add(1, Ordering::SeqCst);
                    // Long enough for the others to come.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    Ok::<_, Infallible>(temporary("ASIAFIRST", 60))
                };
                let Ok(Cached { credentials, .. }) = block_on(cache.get_or_make(&key("a"), now, make));
                assert_eq!(credentials.access_key_id(), "ASIAFIRST");
                assert_eq!(faults(&cache), [""; 0]);
            });
        }
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn who_has_waited_long_enough_makes_their_own() {
    let place = Place::new();
    let made = Cell::new("");
    block_on(async {
        let make = async || {
            let hasty = place.patient(Duration::from_millis(20));
            let make = async || Ok::<_, Infallible>(temporary("ASIAHASTY", 60));
            let Ok(Cached { credentials, from }) = hasty.get_or_make(&key("a"), now, make).await;
            assert_eq!((credentials.access_key_id(), from), ("ASIAHASTY", Origin::Made));
            assert!(matches!(hasty.take_faults()[..], [CacheFault::Busy { .. }]));
            made.set("both");
            Ok::<_, Infallible>(temporary("ASIASLOW", 60))
        };
        let Ok(_) = place.cache().get_or_make(&key("a"), now, make).await;
    });
    assert_eq!(made.get(), "both");
}

#[test]
fn what_cannot_be_made_is_that_error_and_the_next_one_may_try() {
    let place = Place::new();
    let failed = block_on(place.cache().get_or_make(&key("a"), now, async || Err("no")));
    assert_eq!(failed.unwrap_err(), "no");
    let hasty = place.patient(Duration::ZERO);
    assert_eq!(take(&hasty, &key("a"), &temporary("ASIAFIRST", 60)), ("ASIAFIRST".to_owned(), Origin::Made));
    assert_eq!(faults(&hasty), [""; 0], "the lock is free");
}

#[test]
fn what_is_of_no_use_any_more_is_removed_and_nothing_else() {
    let place = Place::new();
    let old = now() - SignedDuration::from_hours(2);
    take(&place.cache(), &key("ended"), &temporary("ASIAENDED", 0));
    take(&place.cache(), &key("used"), &temporary("ASIAUSED", 60));
    for name in [".unfinished-old", ".unfinished-new", "notes.json"] {
        fs::write(place.directory().join(name), "x").unwrap();
    }
    fs::File::open(place.directory().join(".unfinished-old")).unwrap().set_modified(old.into()).unwrap();
    fs::write(place.file(&key("lonely"), "lock"), "").unwrap();
    place.set_mode(&place.file(&key("lonely"), "lock"), 0o600);

    take(&place.cache(), &key("new"), &temporary("ASIANEW", 60));
    let mut expected = vec![".unfinished-new".to_owned(), "notes.json".to_owned()];
    for name in ["used", "new"] {
        expected.extend([format!("{}.json", key(name)), format!("{}.lock", key(name))]);
    }
    expected.sort();
    assert_eq!(place.names(), expected);
}

#[test]
fn a_lock_that_was_removed_while_somebody_waited_for_it_keeps_nobody_waiting() {
    let place = Place::new();
    block_on(async {
        let make = async || {
            fs::remove_file(place.file(&key("a"), "lock")).unwrap();
            assert_eq!(take_within(&place, &key("a")).await, "ASIASECOND");
            Ok::<_, Infallible>(temporary("ASIAFIRST", 60))
        };
        let Ok(_) = place.cache().get_or_make(&key("a"), now, make).await;
    });
}

async fn take_within(place: &Place, key: &CacheKey) -> String {
    let cache = place.patient(Duration::ZERO);
    let Ok(cached) = cache.get_or_make(key, now, async || Ok::<_, Infallible>(temporary("ASIASECOND", 60))).await;
    assert_eq!(faults(&cache), [""; 0]);
    cached.credentials.access_key_id().to_owned()
}

#[test]
fn cleaning_removes_what_this_program_wrote_and_nothing_else() {
    let place = Place::new();
    assert_eq!(place.cache().clean().unwrap(), 0, "there is nothing yet");
    take(&place.cache(), &key("a"), &temporary("ASIAFIRST", 60));
    take(&place.cache(), &key("b"), &temporary("ASIAFIRST", 60));
    fs::write(place.directory().join("notes.json"), "x").unwrap();
    assert_eq!(place.cache().clean().unwrap(), 2);
    assert_eq!(place.names(), ["notes.json"]);

    place.set_mode(&place.directory(), 0o777);
    assert!(matches!(place.cache().clean(), Err(CacheFault::Refused { .. })));
}
