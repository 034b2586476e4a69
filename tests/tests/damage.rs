//! A data folder that is damaged, incomplete or not what was asked for: the server refuses it, says what was found, where
//! and what to do, and deletes nothing. It never goes on with less than what was there.
use anyhow::Context;
use bus::storage::{BlockKey, Storage, sled::SledStorage};
use serde_json::{Value, json};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{FileExt, PermissionsExt},
    path::PathBuf,
};
use tests::harness::{Client, Place, Server, recorded_only};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
const LISTS: [&str; 4] = ["/v1/pools", "/v1/groups", "/v1/users", "/v1/audit?order=asc"];

/// The data of a server that has stopped as it should, after so many on-boarded users and some commits.
async fn stopped(users: usize) -> anyhow::Result<Place> {
    let place = Place::new()?;
    let server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?;
    for nth in 0..8 {
        client.post("/v1/pools", json!({"name": format!("pool-{nth}"), "devices": []})).await?.done()?;
    }
    let logins: Vec<String> = (0..users).map(|nth| format!("user-{nth}")).collect();
    client.post("/v1/users", json!({"logins": logins, "group": null})).await?.done()?;
    assert!(server.stop().await?.success());
    Ok(place)
}

/// What a server on this data shows.
async fn lists(place: &Place) -> anyhow::Result<Vec<Vec<Value>>> {
    let server = Server::start(place, &[]).await?;
    let client = Client::operator(&server).await?;
    let last = events(place)?;
    client.shows(last).await?.done()?;
    let mut lists = vec![];
    for path in LISTS {
        lists.push(recorded_only(client.all(path, Some(last)).await?));
    }
    assert!(server.stop().await?.success());
    Ok(lists)
}

/// How many events `HEAD` knows.
fn events(place: &Place) -> anyhow::Result<u64> {
    let head = fs::read_to_string(place.data().join("HEAD"))?;
    let size = head.lines().find_map(|line| line.strip_prefix("size="));
    Ok(size.context("HEAD has no size")?.parse()?)
}

/// Runs a command that must refuse the data with all of these words, and leave every file where it is.
async fn refuses(place: &Place, command: &[&str], words: &[&str]) -> anyhow::Result<()> {
    let before = place.files()?;
    let ran = place.dkube(command).await?;
    assert_eq!(ran.code, Some(1), "{command:?}: {}{}", ran.out, ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{command:?} does not say {word:?}: {}", ran.err);
    }
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    let after = place.files()?;
    for (file, length) in before {
        // The store renews its own snapshot whenever it opens: a cache of what is in its log.
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snap.")) {
            continue;
        }
        let found = after.get(&file).with_context(|| format!("{} is gone", file.display()))?;
        assert!(found >= &length || file.ends_with("LOCK"), "{} is shorter", file.display());
    }
    Ok(())
}

/// The lines of `CLUSTER` or `HEAD` changed, and sealed as if they had been written so.
fn rewrite(place: &Place, name: &str, from: &str, to: &str) -> anyhow::Result<()> {
    let path = place.data().join(name);
    let text = fs::read_to_string(&path)?;
    let body = &text[..text.rfind("checksum=").context("there is no checksum")?];
    assert!(body.contains(from), "{body}");
    let body = body.replacen(from, to, 1);
    let checksum = crc32c::crc32c(body.as_bytes());
    Ok(fs::write(path, format!("{body}checksum={checksum:08x}\n"))?)
}

/// Changes the stored bytes of the first block of a commit, in a way that the store itself can't see.
fn change_block(place: &Place, commit: u64, change: impl FnOnce(&mut [u8])) -> anyhow::Result<()> {
    let mut storage = SledStorage::open(&place.data())?;
    let key = BlockKey::first_of(commit);
    let mut block = storage.reader().get(key)?.context("there is no such block")?.to_vec();
    change(&mut block);
    storage.append(vec![(key, block)])?;
    Ok(storage.sync()?)
}

fn flip_last_byte(block: &mut [u8]) {
    *block.last_mut().expect("a block has bytes") ^= 1;
}

/// The read models' snapshots.
fn snapshots(place: &Place) -> anyhow::Result<Vec<PathBuf>> {
    let is_snapshot =
        |file: &PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snapshot."));
    Ok(place.files()?.into_keys().filter(is_snapshot).collect())
}

#[tokio::test]
async fn a_block_whose_checksum_does_not_hold_is_refused() -> anyhow::Result<()> {
    let place = stopped(3).await?;
    for commit in [3, 5, 10] {
        let damaged = place.copy()?;
        change_block(&damaged, commit, flip_last_byte)?;
        let words = ["checksum", &format!("commit {commit} part 0"), "restore", "backup"];
        refuses(&damaged, &SERVE, &words).await?;
        refuses(&damaged, &["log", "verify"], &words).await?;
        refuses(&damaged, &["log", "export", "--to", &damaged.text("export")], &words).await?;
    }
    // A newer release may have written what this one can't read: that is no damage.
    let newer = place.copy()?;
    change_block(&newer, 5, |block| {
        block[12] = 2;
        let checksum = crc32c::crc32c(&block[12..]);
        block[8..12].copy_from_slice(&checksum.to_le_bytes());
    })?;
    refuses(&newer, &SERVE, &["newer version", "upgrade"]).await
}

#[tokio::test]
async fn a_damaged_block_that_no_start_reads_is_never_served() -> anyhow::Result<()> {
    // Enough events that opening does not read the first ones, which the snapshot has.
    let place = stopped(600).await?;
    change_block(&place, 3, flip_last_byte)?;
    let server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?;
    let users = client.get("/v1/users?limit=1000").await?.done()?;
    assert_eq!(users.body["items"].as_array().map(Vec::len), Some(601));
    // What the snapshot has; what came after it waits behind the block that can't be read.
    assert_eq!(users.position()?, events(&place)?);
    let mut damaged = 0;
    for position in 1..20 {
        let reply = client.get(&format!("/v1/audit/{position}")).await?;
        if reply.status != 200 {
            reply.refused(500, "server.fault");
            assert!(!reply.body.to_string().contains("checksum"), "an insider's matter: {}", reply.body);
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    // What has to be read from there can't be shown, and the server says so.
    let past = client.get("/v1/pools?as_of=20").await?;
    assert!(matches!(past.status, 500 | 503), "{}", past.body);
    assert_eq!(client.get("/readyz").await?.status, 503);
    assert!(place.log().contains("checksum"), "the log does not say what is wrong");
    assert!(server.stop().await?.success());
    refuses(&place, &["log", "verify"], &["checksum", "commit 3 part 0"]).await?;
    // Without the snapshot, everything is read.
    for snapshot in snapshots(&place)? {
        fs::remove_file(snapshot)?;
    }
    refuses(&place, &SERVE, &["checksum", "commit 3 part 0"]).await
}

#[tokio::test]
async fn a_flipped_byte_anywhere_never_shortens_the_log() -> anyhow::Result<()> {
    const PLACES: u64 = 24;
    let place = stopped(40).await?;
    let sound = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    let file = place.data().join("log/db");
    let bytes = fs::read(&file)?;
    let used = bytes.iter().rposition(|byte| *byte != 0).context("the file is empty")? as u64;
    let (mut refused, mut harmless) = (0, 0);
    for nth in 0..PLACES {
        let damaged = place.copy()?;
        let db = fs::File::options().read(true).write(true).open(damaged.data().join("log/db"))?;
        let at = used * (2 * nth + 1) / (2 * PLACES);
        let mut byte = [0];
        db.read_exact_at(&mut byte, at)?;
        db.write_all_at(&[byte[0] ^ 0x10], at)?;
        drop(db);
        let ran = damaged.dkube(&["log", "verify", "-o", "json"]).await?;
        match ran.code {
            Some(0) => {
                let verified: Value = serde_json::from_str(&ran.out)?;
                assert_eq!((&verified["root"], &verified["events"]), (&sound["root"], &sound["events"]), "byte {at}");
                harmless += 1;
            }
            Some(1) => {
                assert!(ran.err.contains("restore") || ran.err.contains("backup"), "byte {at}: {}", ran.err);
                refused += 1;
            }
            code => panic!("byte {at}: {code:?}: {}", ran.err),
        }
    }
    println!("{refused} refused, {harmless} harmless");
    assert!(refused > 0, "no flipped byte was noticed");
    let cut = place.copy()?;
    let db = fs::File::options().write(true).open(cut.data().join("log/db"))?;
    db.set_len(used * 9 / 10)?;
    drop(db);
    let ran = cut.dkube(&SERVE).await?;
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("restore") || ran.err.contains("backup"), "{}", ran.err);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_and_no_cluster_is_founded() -> anyhow::Result<()> {
    let place = stopped(2).await?;
    let cases: [(&str, &[&str]); 5] = [
        ("CLUSTER", &["CLUSTER is missing", "restore"]),
        ("HEAD", &["HEAD is missing", "restore"]),
        ("keyring", &["the key ring is missing", "restore"]),
        ("master.key", &["master key file", "is missing", "restore"]),
        ("log/db", &["log is empty", "HEAD says", "restore"]),
    ];
    for (name, words) in cases {
        let damaged = place.copy()?;
        fs::rename(damaged.data().join(name), damaged.path("kept"))?;
        refuses(&damaged, &SERVE, words).await?;
        if name == "log/db" {
            // The store makes its file anew: it is still refused the next time.
            refuses(&damaged, &SERVE, words).await?;
            continue;
        }
        assert!(!damaged.data().join(name).exists(), "{name} was made anew");
        // Put back, all is well: refusing has harmed nothing.
        fs::rename(damaged.path("kept"), damaged.data().join(name))?;
        assert_eq!(lists(&damaged).await?.len(), LISTS.len());
    }
    // All but CLUSTER and HEAD gone: that is no new folder.
    let emptied = place.copy()?;
    fs::rename(emptied.data().join("log"), emptied.path("kept"))?;
    refuses(&emptied, &SERVE, &["log is empty", "HEAD says", "restore"]).await
}

#[tokio::test]
async fn keys_that_are_exposed_or_wrong_are_refused() -> anyhow::Result<()> {
    let place = stopped(2).await?;
    let key = |place: &Place| place.data().join("master.key");
    let exposed = place.copy()?;
    fs::set_permissions(key(&exposed), Permissions::from_mode(0o644))?;
    refuses(&exposed, &SERVE, &["can be read by others", "644", "0600"]).await?;
    let malformed = place.copy()?;
    fs::write(key(&malformed), "this is no key\n")?;
    refuses(&malformed, &SERVE, &["64 hexadecimal digits", "restore"]).await?;
    let another = place.copy()?;
    fs::write(key(&another), "5".repeat(64))?;
    refuses(&another, &SERVE, &["key ring does not open", "restore"]).await?;
    let torn = place.copy()?;
    let ring = fs::read(torn.data().join("keyring"))?;
    fs::write(torn.data().join("keyring"), &ring[..ring.len() - 1])?;
    refuses(&torn, &SERVE, &["key ring does not open", "restore"]).await
}

#[tokio::test]
async fn guards_that_disagree_with_the_log_stop_the_start() -> anyhow::Result<()> {
    let place = stopped(2).await?;
    let size = events(&place)?;
    let newer = place.copy()?;
    rewrite(&newer, "CLUSTER", "format=1", "format=2")?;
    refuses(&newer, &SERVE, &["CLUSTER", "format 2", "upgrade"]).await?;
    refuses(&newer, &["log", "verify"], &["CLUSTER", "format 2", "upgrade"]).await?;
    let further = place.copy()?;
    rewrite(&further, "HEAD", &format!("size={size}"), &format!("size={}", size + 1))?;
    refuses(&further, &SERVE, &["HEAD says that it reached", "restore"]).await?;
    let foreign = place.copy()?;
    rewrite(&foreign, "CLUSTER", "cluster=0", "cluster=1")?;
    refuses(&foreign, &SERVE, &["belongs to log", "restore"]).await?;
    for name in ["CLUSTER", "HEAD"] {
        let torn = place.copy()?;
        let text = fs::read(torn.data().join(name))?;
        fs::write(torn.data().join(name), &text[..text.len() / 2])?;
        refuses(&torn, &SERVE, &["checksum does not hold", name, "restore"]).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_demonstration_and_a_real_cluster_are_never_mixed() -> anyhow::Result<()> {
    let real = stopped(2).await?;
    refuses(&real, &[&SERVE[..], &["--simulate", "1x1"]].concat(), &["real cluster", "another folder"]).await?;
    let shown = Place::new()?;
    assert!(Server::start(&shown, &["--simulate", "1x1"]).await?.stop().await?.success());
    refuses(&shown, &SERVE, &["demonstration", "simulate again"]).await
}

#[tokio::test]
async fn a_torn_snapshot_is_only_a_snapshot() -> anyhow::Result<()> {
    let place = stopped(30).await?;
    let sound = lists(&place.copy()?).await?;
    let halved = place.copy()?;
    let flipped = place.copy()?;
    assert!(!snapshots(&place)?.is_empty(), "there is no snapshot");
    for file in snapshots(&halved)? {
        let bytes = fs::read(&file)?;
        fs::write(file, &bytes[..bytes.len() / 2])?;
    }
    assert_eq!(lists(&halved).await?, sound);
    for file in snapshots(&flipped)? {
        let mut bytes = fs::read(&file)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes)?;
    }
    assert_eq!(lists(&flipped).await?, sound);
    // Of the store itself: a snapshot that was being made when the machine stopped is put aside, not away.
    let generating = place.copy()?;
    fs::write(generating.data().join("log/snap.00000000000000FF.generating"), b"half")?;
    assert_eq!(lists(&generating).await?, sound);
    assert_eq!(fs::read(generating.data().join("log/aside/0.snap.00000000000000FF.generating"))?, b"half");
    // And values outside of its log, which are not durable, are a fault.
    let blobs = place.copy()?;
    fs::write(blobs.data().join("log/blobs/1"), b"a value")?;
    refuses(&blobs, &SERVE, &["blobs", "not durable"]).await
}

#[tokio::test]
async fn a_log_has_one_writer() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?;
    let pid = server.pid().context("it runs")?.to_string();
    refuses(&place, &SERVE, &["is in use by process", &pid]).await?;
    refuses(&place, &["log", "verify"], &["is in use by process", &pid]).await?;
    client.post("/v1/pools", json!({"name": "vision", "devices": []})).await?.done()?;
    assert!(server.stop().await?.success());
    assert_eq!(place.dkube(&["log", "verify", "-o", "json"]).await?.json()?["sound"], true);
    Ok(())
}

#[tokio::test]
async fn a_new_master_key_opens_what_the_old_one_sealed() -> anyhow::Result<()> {
    let place = stopped(2).await?;
    let key = place.data().join("master.key");
    let old = fs::read(&key)?;
    let told = place.dkube(&["secrets", "rotate"]).await?.done()?;
    assert!(told.contains("is a new key"), "{told}");
    let new = fs::read_to_string(&key)?;
    assert_ne!(new.as_bytes(), old);
    assert!(!told.contains(new.trim()), "a key is shown");
    let server = Server::start(&place, &[]).await?;
    // Logins are sealed: that one signs in shows that they open.
    Client::operator(&server).await?;
    let busy = place.dkube(&["secrets", "rotate"]).await?;
    assert!(busy.code == Some(1) && busy.err.contains("in use"), "{}", busy.err);
    assert!(server.stop().await?.success());
    fs::write(&key, old)?;
    refuses(&place, &SERVE, &["key ring does not open", "restore"]).await?;

    // Kept elsewhere, it is a setting.
    let elsewhere = place.text("elsewhere.key");
    fs::rename(&key, &elsewhere)?;
    fs::write(&elsewhere, new)?;
    fs::set_permissions(&elsewhere, Permissions::from_mode(0o600))?;
    let server = Server::start(&place, &["--master-key", &elsewhere]).await?;
    Client::operator(&server).await?;
    assert!(server.stop().await?.success());
    Ok(())
}
