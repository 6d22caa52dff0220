//! Workers that lie: what they say is not believed, and none of them holds us up.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use sportello::clinic::reading::{Document, Limits, ReadError, Reader, Refusal, parent::Tesseract};

use super::{LIMITS, outcome};
use crate::harness::{scratch::Scratch, until::until};

const CONFINED: &str = r#"{"frame":"confined","files":true,"calls":true}"#;

/// A reader whose worker is this shell script.
fn lying(scratch: &Scratch, script: &str, limits: Limits) -> Reader {
    let program = scratch.path().join("worker");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Reader::new(program, limits, Tesseract::Off, 1)
}

async fn answered(script: &str) -> Result<Document, Refusal> {
    let scratch = Scratch::new();
    let limits = Limits { deadline: Duration::from_secs(10), ..LIMITS };
    outcome(lying(&scratch, script, limits).read(b"anything".as_slice()).await)
}

fn says(frames: &str) -> String {
    format!("cat > /dev/null; cat <<'END'\n{CONFINED}\n{frames}\nEND")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_true_is_not_believed() {
    let page =
        r#"{"frame":"page","number":1,"width":595,"height":842,"text":"x","words":[[0,0,1,[0,0,1,1]]]}"#;
    let end = r#"{"frame":"end","pages":1}"#;
    let promise = r#"{"frame":"pages","count":2}"#;
    assert!(answered(&says(&format!("{page}\n{end}"))).await.is_ok());
    assert!(answered(&says(&format!("{}\n{page}\n{end}", promise.replace('2', "1")))).await.is_ok());
    for frames in [
        "nonsense".to_owned(),
        end.to_owned(),
        format!("{page}\n{page}\n{end}"),
        format!("{page}\n{}", r#"{"frame":"end","pages":2}"#),
        format!("{promise}\n{page}\n{end}"),
        format!("{page}\n{}\n{end}", promise.replace('2', "1")),
        format!("{}\n{page}\n{end}", promise.replace('2', "99999")),
        format!("{CONFINED}\n{page}\n{end}"),
        format!("{}\n{end}", page.replace("595", "-1")),
        format!("{}\n{end}", page.replace("595", "1e300")),
        format!("{}\n{end}", page.replace("[0,0,1,[", "[0,0,9,[")),
        format!("{}\n{end}", page.replace("\"number\":1", "\"number\":99999")),
        format!("{}\n{end}", page.replace("\"text\"", "\"unknown\":1,\"text\"")),
        r#"{"frame":"picture","number":1,"width":1,"height":1,"pixels":[1,1],"turned":0,"bytes":3,"again_bytes":3}"#.to_owned(),
        r#"{"frame":"picture","number":1,"width":1,"height":1,"pixels":[1,1],"turned":0,"bytes":99999999999,"again_bytes":3}"#
            .to_owned(),
        r#"{"frame":"refused","refusal":"because"}"#.to_owned(),
        "\u{1}\u{2}".to_owned(),
    ] {
        assert_eq!(answered(&says(&frames)).await, Err(Refusal::Misbehaved), "{frames}");
    }
    assert_eq!(answered(r"printf '\377\376\n'").await, Err(Refusal::Misbehaved));
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_reading_works_is_found_out_while_every_place_is_taken() {
    let reader = Reader::new(super::PROGRAM.into(), LIMITS, Tesseract::Off, 1);
    // A document that never comes to its end has the only place.
    let (_held, endless) = tokio::io::duplex(8);
    tokio::select! {
        biased;
        read = reader.read(endless) => panic!("{read:?}"),
        probed = reader.probe() => probed.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_early_is_no_success() {
    assert_eq!(answered("exit 0").await, Err(Refusal::Crashed));
    assert_eq!(answered("exit 101").await, Err(Refusal::Crashed));
    assert_eq!(answered("kill -XCPU $$").await, Err(Refusal::TooSlow));
    assert_eq!(answered("kill -KILL $$").await, Err(Refusal::OutOfMemory));
    assert_eq!(answered("kill -SEGV $$").await, Err(Refusal::TooDeep));
    assert_eq!(
        answered("echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$").await,
        Err(Refusal::OutOfMemory)
    );
    assert_eq!(
        answered(&format!("echo '{CONFINED}'; printf '{{\"frame\":\"end\"'")).await,
        Err(Refusal::Crashed)
    );
    // One that refuses without having read the file is believed that.
    assert_eq!(
        answered(r#"echo '{"frame":"refused","refusal":"encrypted"}'"#).await,
        Err(Refusal::Encrypted)
    );
    let scratch = Scratch::new();
    let none = lying(&scratch, "exit 77", LIMITS).read(b"x".as_slice()).await;
    assert!(matches!(none, Err(ReadError::NoWorker(_))), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_output_ends() {
    let begun = Instant::now();
    // A line without an end, lines without an end, and complaints without an end.
    assert_eq!(answered("exec cat /dev/zero").await, Err(Refusal::Misbehaved));
    assert_eq!(answered("exec yes").await, Err(Refusal::Misbehaved));
    let script = format!("yes >&2 & echo '{CONFINED}'; kill $!; exit 0");
    assert_eq!(answered(&script).await, Err(Refusal::Crashed));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

fn is_running(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn pid_in(path: &Path) -> String {
    until("the worker", || fs::read_to_string(path).is_ok_and(|pid| pid.ends_with('\n'))).await;
    fs::read_to_string(path).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_is_killed_at_the_deadline() {
    let scratch = Scratch::new();
    let pid = scratch.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 600", pid.display());
    let limits = Limits { deadline: Duration::from_millis(700), ..LIMITS };
    // It reads nothing of a file that is larger than a pipe.
    let large = vec![0; 4 << 20];
    let result = lying(&scratch, &script, limits).read(large.as_slice()).await;
    assert_eq!(outcome(result), Err(Refusal::TooSlow));
    assert!(!is_running(&pid_in(&pid).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_waiting_ends_the_worker_and_frees_its_place() {
    let scratch = Scratch::new();
    let pid = scratch.path().join("pid");
    let reader = lying(&scratch, &format!("echo $$ > {}; exec sleep 600", pid.display()), LIMITS);
    // Whoever waits for the reading goes away as soon as the worker has begun.
    let pid = tokio::select! {
        result = reader.read(b"x".as_slice()) => panic!("{result:?}"),
        pid = pid_in(&pid) => pid,
    };
    until("its end", || !is_running(&pid)).await;
    // There is one place, and it is free: the next one is started at once.
    fs::write(scratch.path().join("worker"), "#!/bin/sh\nexit 0\n").unwrap();
    assert_eq!(outcome(reader.read(b"x".as_slice()).await), Err(Refusal::Crashed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_inherits_nothing() {
    let scratch = Scratch::new();
    let seen = scratch.path().join("seen");
    // Something of ours that is open meanwhile.
    let secret = fs::File::create(scratch.path().join("secret")).unwrap();
    let script = format!("{{ /usr/bin/env; ls -l /proc/$$/fd; pwd; }} > {} 2>&1; exit 0", seen.display());
    let _ = lying(&scratch, &script, LIMITS).read(b"x".as_slice()).await;
    drop(secret);
    let seen = fs::read_to_string(seen).unwrap();
    assert!(!seen.contains("secret") && !seen.contains("socket:") && !seen.contains("HOME="), "{seen}");
    assert!(seen.trim_end().ends_with("\n/"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_is_no_fault_of_the_file() {
    let source = tokio_util::io::StreamReader::new(futures_util::stream::iter([
        Ok(bytes::Bytes::from_static(b"%PDF-1.7")),
        Err(std::io::Error::other("the storage is away")),
    ]));
    let result = super::reader(Tesseract::Off).read(source).await;
    assert!(matches!(result, Err(ReadError::Source(_))), "{result:?}");
}
