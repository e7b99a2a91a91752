use std::os::unix::fs::symlink;

use tempfile::TempDir;
use tokio::sync::watch;

use super::*;

/// Short, but not as short as a busy machine's pauses.
const PATIENCE: Patience = Patience {
    quiet: Duration::from_millis(50),
    absence: Duration::from_millis(600),
    restless: Duration::from_secs(5),
    moment: Duration::from_millis(5),
    poll: Duration::from_secs(3600),
};

struct Scene {
    folder: TempDir,
    file: WatchedFile,
    hangup: watch::Sender<()>,
}

impl Scene {
    fn new(patience: Patience) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (hangup, reload) = Reload::by_hand();
        let file = WatchedFile::new(folder.path().join("file"), reload).patience(patience);
        Self { folder, file, hangup }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    async fn next(&mut self) -> Content {
        tokio::time::timeout(Duration::from_secs(30), self.file.next()).await.expect("the change is noticed")
    }

    async fn is(&mut self, text: &str) {
        assert_eq!(self.next().await, Content::Text(text.to_owned()));
    }
}

#[tokio::test]
async fn a_text_is_read_at_once_and_again_when_it_is_written_in_place() {
    let mut scene = Scene::new(PATIENCE);
    scene.write("file", "one");
    scene.is("one").await;
    scene.write("file", "two");
    scene.is("two").await;
}

#[tokio::test]
async fn a_file_that_takes_its_place_is_read() {
    let mut scene = Scene::new(PATIENCE);
    scene.write("file", "one");
    scene.is("one").await;
    scene.write("draft", "two");
    fs::rename(scene.path("draft"), scene.path("file")).unwrap();
    scene.is("two").await;
}

/// As kubelet changes a mounted ConfigMap.
#[tokio::test]
async fn a_mounted_config_map_is_read_when_its_link_is_swapped() {
    let mut scene = Scene::new(PATIENCE);
    let mount = |scene: &Scene, name: &str, text: &str| {
        fs::create_dir(scene.path(name)).unwrap();
        scene.write(&format!("{name}/file"), text);
        symlink(name, scene.path("..data_tmp")).unwrap();
        fs::rename(scene.path("..data_tmp"), scene.path("..data")).unwrap();
    };
    mount(&scene, "..1", "one");
    symlink("..data/file", scene.path("file")).unwrap();
    scene.is("one").await;
    for (old, new, text) in [("..1", "..2", "two"), ("..2", "..3", "three")] {
        mount(&scene, new, text);
        fs::remove_dir_all(scene.path(old)).unwrap();
        scene.is(text).await;
    }
}

#[tokio::test]
async fn a_file_that_is_deleted_and_comes_again_was_never_away() {
    let mut scene = Scene::new(PATIENCE);
    scene.write("file", "one");
    scene.is("one").await;
    let path = scene.path("file");
    let writer = async {
        fs::remove_file(&path).unwrap();
        tokio::time::sleep(PATIENCE.absence / 3).await;
        fs::write(&path, "two").unwrap();
    };
    let next = async { tokio::time::timeout(Duration::from_secs(30), scene.file.next()).await.unwrap() };
    let (next, ()) = tokio::join!(next, writer);
    assert_eq!(next, Content::Text("two".to_owned()));
}

#[tokio::test]
async fn a_file_that_stays_away_is_away() {
    let mut scene = Scene::new(PATIENCE);
    assert_eq!(scene.next().await, Content::Absent);
    scene.write("file", "one");
    scene.is("one").await;
    fs::remove_file(scene.path("file")).unwrap();
    assert_eq!(scene.next().await, Content::Absent);
}

#[tokio::test]
async fn a_text_that_is_written_bit_by_bit_is_read_whole() {
    let mut scene = Scene::new(Patience { quiet: Duration::from_millis(500), ..PATIENCE });
    scene.write("file", "one");
    scene.is("one").await;
    let path = scene.path("file");
    let writer = async {
        let mut text = String::new();
        fs::write(&path, "").unwrap();
        for part in ["t", "w", "o"] {
            text.push_str(part);
            tokio::time::sleep(Duration::from_millis(30)).await;
            fs::write(&path, &text).unwrap();
        }
    };
    let next = async { tokio::time::timeout(Duration::from_secs(30), scene.file.next()).await.unwrap() };
    let (next, ()) = tokio::join!(next, writer);
    assert_eq!(next, Content::Text("two".to_owned()));
}

#[tokio::test]
async fn a_file_that_never_keeps_still_is_read_nevertheless() {
    let patience = Patience { quiet: Duration::from_secs(3600), restless: Duration::from_millis(200), ..PATIENCE };
    let mut scene = Scene::new(patience);
    scene.write("file", "one");
    scene.is("one").await;
    scene.write("file", "two");
    scene.is("two").await;
}

#[tokio::test]
async fn a_file_that_never_keeps_still_is_not_away_for_being_away_a_moment() {
    let ever = Duration::from_secs(3600);
    let patience = Patience { quiet: ever, absence: ever, restless: Duration::from_millis(200), ..PATIENCE };
    let mut scene = Scene::new(patience);
    scene.write("file", "one");
    scene.is("one").await;
    fs::remove_file(scene.path("file")).unwrap();
    assert!(tokio::time::timeout(patience.restless * 4, scene.file.next()).await.is_err());
    scene.write("file", "two");
    scene.is("two").await;
}

#[tokio::test]
async fn a_change_that_no_watch_tells_is_found_by_the_poll() {
    let mut scene = Scene::new(Patience { poll: Duration::from_millis(50), ..PATIENCE });
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("real"), "one").unwrap();
    symlink(elsewhere.path().join("real"), scene.path("file")).unwrap();
    scene.is("one").await;
    fs::write(elsewhere.path().join("real"), "two").unwrap();
    scene.is("two").await;
}

#[tokio::test]
async fn a_folder_that_comes_later_is_watched_then() {
    let mut scene = Scene::new(Patience { poll: Duration::from_millis(50), ..PATIENCE });
    let folder = scene.path("later");
    scene.file.path = folder.join("file");
    assert_eq!(scene.next().await, Content::Absent);
    fs::create_dir(&folder).unwrap();
    scene.write("later/file", "one");
    scene.is("one").await;
    assert!(scene.file.watch.is_some());
}

#[tokio::test]
async fn a_text_that_was_read_before_is_handed_out_again_only_when_asked_for() {
    let mut scene = Scene::new(PATIENCE);
    scene.write("file", "one");
    scene.file.last = Some(Last::Text(Fingerprint::of("one")));
    assert!(tokio::time::timeout(PATIENCE.quiet * 4, scene.file.next()).await.is_err());
    scene.hangup.send(()).unwrap();
    scene.is("one").await;
}

#[tokio::test]
async fn what_is_no_text_is_said_to_be_none() {
    for (bytes, reason) in
        [(&b"ab\xff"[..], "not UTF-8 at byte 2"), (&vec![b'a'; Limits::FILE.bytes() + 1], "longer than")]
    {
        let mut scene = Scene::new(PATIENCE);
        fs::write(scene.path("file"), bytes).unwrap();
        assert!(matches!(scene.next().await, Content::Unusable(why) if why.contains(reason)), "{reason}");
    }
    let mut scene = Scene::new(PATIENCE);
    fs::create_dir(scene.path("file")).unwrap();
    assert_eq!(scene.next().await, Content::Unusable("not a file".to_owned()));
}
