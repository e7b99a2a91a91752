use std::{
    os::unix::fs::{PermissionsExt, symlink},
    thread,
};

use super::*;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn use_context(path: &Path, name: &str) -> Result<(), FileError> {
    edit(path, None, |kubeconfig| kubeconfig.set_current_context(name))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_file_is_its_owners_alone_and_an_old_one_keeps_its_mode() {
    let place = Place::new();
    let login = super::super::tests::login();
    let new = place.path("folder/another/config");
    edit(&new, None, |kubeconfig| kubeconfig.add(&login)).unwrap();
    assert_eq!((mode(&new), mode(&place.path("folder"))), (0o600, 0o700));

    let old = place.path("config");
    for kept in [0o644, 0o640, 0o600] {
        fs::write(&old, "current-context: a\n").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(kept)).unwrap();
        use_context(&old, "b").unwrap();
        assert_eq!((mode(&old), fs::read_to_string(&old).unwrap().as_str()), (kept, "current-context: b\n"));
    }
    assert_eq!(place.names(), ["config", "folder"]);
}

#[test]
fn a_symbolic_link_is_followed_and_stays() {
    let place = Place::new();
    fs::write(place.path("real"), "current-context: a\n").unwrap();
    symlink("real", place.path("one")).unwrap();
    symlink(place.path("one"), place.path("two")).unwrap();
    use_context(&place.path("two"), "b").unwrap();
    assert_eq!(fs::read_to_string(place.path("real")).unwrap(), "current-context: b\n");
    assert_eq!(fs::read_link(place.path("one")).unwrap(), Path::new("real"));
    assert_eq!(place.names(), ["one", "real", "two"]);

    symlink("absent", place.path("dangling")).unwrap();
    edit(&place.path("dangling"), None, |kubeconfig| kubeconfig.add(&super::super::tests::login())).unwrap();
    assert_eq!(mode(&place.path("absent")), 0o600);
    symlink("loop", place.path("loop")).unwrap();
    assert!(matches!(use_context(&place.path("loop"), "b"), Err(FileError::Loop { .. } | FileError::Io { .. })));
}

/// A rename would leave the other name with the old text.
#[test]
fn every_hard_link_of_a_file_has_the_new_text_and_no_copy_stays() {
    let place = Place::new();
    let (path, other) = (place.path("config"), place.path("other"));
    // A longer text and a shorter one take the place of the old one.
    for (old, new) in [("a", "a-longer-name"), ("a-longer-name", "b")] {
        fs::write(&path, format!("current-context: {old}\n")).unwrap();
        let _ = fs::hard_link(&path, &other);
        use_context(&path, new).unwrap();
        for name in [&path, &other] {
            assert_eq!(fs::read_to_string(name).unwrap(), format!("current-context: {new}\n"));
        }
        assert_eq!(place.names(), ["config", "other"]);
    }
}

#[test]
fn a_file_with_an_error_is_named_with_line_and_column_and_not_touched() {
    let place = Place::new();
    let path = place.path("config");
    for (text, place) in [
        (&b"clusters: [\n"[..], "line 1 column"),
        (b"clusters: a\n", "line 1 column 11: expected a list"),
        (b"users:\n- a\n", "line 2 column 3: expected a mapping"),
        (b"- a\n", "line 1 column 1: expected a mapping"),
        (b"a: b\nc: \xff\n", "line 2 column 4: this is not UTF-8"),
        (b"clusters:\n- name: [a]\n", "line 2 column 9: expected a name"),
        (b"current-context: {}\n", "line 1 column 18: expected the name of a context"),
    ] {
        fs::write(&path, text).unwrap();
        let error = use_context(&path, "b").unwrap_err();
        let FileError::Content { path: named, source } = &error else { panic!("{error:?}") };
        assert_eq!(named, &path);
        assert!(source.to_string().starts_with(place), "{source}");
        assert_eq!(fs::read(&path).unwrap(), text);
    }
    assert_eq!(place.names(), ["config"]);
}

#[test]
fn what_somebody_wrote_meanwhile_is_read_again_and_not_lost() {
    let place = Place::new();
    let path = place.path("config");
    for before in [None, Some("current-context: a\n")] {
        match before {
            Some(text) => fs::write(&path, text).unwrap(),
            None => drop(fs::remove_file(&path)),
        }
        let mut runs = 0;
        edit(&path, None, |kubeconfig| {
            runs += 1;
            if runs == 1 {
                fs::write(&path, "current-context: c\nkind: Config # mine\n").unwrap();
            }
            match kubeconfig.current_context() {
                Some(_) => kubeconfig.set_current_context("b"),
                None => kubeconfig.add(&super::super::tests::login()).map(drop),
            }
        })
        .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "current-context: b\nkind: Config # mine\n");
        assert_eq!(runs, 2);
    }
    let mut runs = 0;
    let error = edit(&path, None, |kubeconfig| {
        runs += 1;
        fs::write(&path, format!("current-context: c{runs}\n")).unwrap();
        kubeconfig.set_current_context("d")
    });
    assert!(matches!(error, Err(FileError::Changing { .. })), "{error:?}");
}

#[test]
fn one_after_the_other_edits_the_file_and_nobody_is_lost() {
    let place = Place::new();
    let path = place.path("config");
    thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let mut login = super::super::tests::login();
                login.cluster.name = format!("cluster-{number}");
                login.user = login.cluster.name.clone();
                login.context = login.cluster.name.clone();
                edit(path, None, |kubeconfig| kubeconfig.add(&login)).unwrap();
            });
        }
    });
    let kubeconfig = read(&path).unwrap();
    let mut contexts: Vec<_> = kubeconfig.contexts().collect();
    contexts.sort_unstable();
    assert_eq!(contexts, (0..8).map(|number| format!("cluster-{number}")).collect::<Vec<_>>());
    assert_eq!(place.names(), ["config"]);
}

#[test]
fn an_edit_waits_for_client_gos_lock() {
    let place = Place::new();
    let (path, lock) = (place.path("config"), place.path("config.lock"));
    fs::write(&path, "current-context: a\n").unwrap();
    fs::write(&lock, "").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| use_context(&path, "b"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "current-context: a\n");
        fs::remove_file(&lock).unwrap();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(fs::read_to_string(&path).unwrap(), "current-context: b\n");
}

/// Not `mknod`: a socket is made without rights, and is no more a file than a device is.
#[test]
fn what_is_no_regular_file_is_neither_read_nor_replaced() {
    use std::os::unix::{fs::FileTypeExt, net::UnixListener};

    let place = Place::new();
    let socket = place.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    symlink("socket", place.path("link")).unwrap();
    symlink("/dev/null", place.path("null")).unwrap();
    fs::create_dir(place.path("folder")).unwrap();
    for name in ["socket", "link", "null", "folder"] {
        let path = place.path(name);
        assert!(matches!(read(&path), Err(FileError::NotRegular { .. })), "{name}");
    }
    for name in ["socket", "link", "folder"] {
        let path = place.path(name);
        assert!(matches!(use_context(&path, "a"), Err(FileError::NotRegular { .. })), "{name}");
    }
    assert!(fs::metadata(&socket).unwrap().file_type().is_socket());
    assert_eq!(place.names(), ["folder", "link", "null", "socket"]);
}
