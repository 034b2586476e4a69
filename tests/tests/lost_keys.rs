//! A master key or a key ring that is lost for good: the server says what it can't read, and goes on without it once it is told to.
use anyhow::Context;
use serde_json::{Value, json};
use std::fs;
use tests::harness::{Client, PASSWORD, Place, Server};

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];
const ABANDON: [&str; 3] = ["secrets", "abandon", "--yes"];

/// The login of everybody, by id.
async fn logins(client: &Client) -> anyhow::Result<Vec<(String, String)>> {
    let users = client.all("/v1/users", None).await?;
    let text = |user: &Value, field: &str| user[field].as_str().map(str::to_owned).context("it is no text");
    users.iter().map(|user| Ok((text(user, "id")?, text(user, "login")?))).collect()
}

/// Whether these are the users, and none of their logins can be read.
fn all_unreadable(before: &[(String, String)], now: &[(String, String)]) {
    assert_eq!(before.len(), now.len());
    for (id, login) in now {
        assert!(before.iter().any(|(known, _)| known == id));
        assert_eq!(*login, format!("unreadable-{id}"));
    }
}

/// A cluster with users, an erased one among them, and a reason in the audit trail; and a token of its operator's.
async fn stopped(place: &Place) -> anyhow::Result<(Client, Vec<(String, String)>)> {
    let server = Server::start(place, &[]).await?;
    let operator = Client::operator(&server).await?;
    let token = operator.with_token("ci", "full").await?;
    let people = json!({"logins": ["ada", "bob", "gone"], "passwords": {"ada": PASSWORD}});
    operator.post("/v1/users", people).await?.done()?;
    operator.settled().await?;
    let gone = operator.get("/v1/users/gone").await?.done()?.body["id"].as_str().context("an id")?.to_owned();
    operator.delete("/v1/users/gone").await?.done()?;
    operator.post(&format!("/v1/users/{gone}/erase"), json!({})).await?.done()?;
    let request = operator.request(reqwest::Method::POST, "/v1/pools").json(&json!({"name": "vision", "devices": []}));
    Client::send(request.header("dkube-reason", "for the vision team")).await?.done()?;
    operator.settled().await?;
    let logins = logins(&operator).await?;
    assert!(server.stop().await?.success());
    Ok((token, logins))
}

#[tokio::test]
async fn a_server_goes_on_without_its_keys_and_everybody_gets_a_login_again() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (token, before) = stopped(&place).await?;
    let root = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;

    // Nothing is lost, so nothing is given up.
    let refused = place.dkube(&ABANDON).await?;
    assert!(refused.code == Some(1) && refused.err.contains("nothing is lost"), "{}", refused.err);
    let ring = fs::read(place.data().join("keyring"))?;
    fs::remove_file(place.data().join("master.key"))?;
    let ran = place.dkube(&SERVE).await?;
    assert_eq!(ran.code, Some(1));
    for word in [
        "logins, identities, password hashes, addresses and reasons of 3 users",
        "sign-in provider",
        "from one backup",
        "dkube secrets abandon",
        "master.key",
        "is missing",
    ] {
        assert!(ran.err.contains(word), "it does not say {word:?}: {}", ran.err);
    }
    let unasked = place.dkube(&["secrets", "abandon"]).await?;
    assert!(unasked.code == Some(2) && unasked.err.contains("--yes"), "{}", unasked.err);
    assert!(!place.data().join("master.key").exists());

    let told = place.dkube(&[&ABANDON[..], &["-o", "json"]].concat()).await?.json()?;
    assert_eq!(told["users"], 3);
    let kept = told["kept"][0].as_str().context("the ring is kept")?.to_owned();
    assert_eq!(fs::read(&kept)?, ring);
    let again = place.dkube(&ABANDON).await?;
    assert!(again.code == Some(1) && again.err.contains("nothing is lost"), "{}", again.err);

    let server = Server::start(&place, &[]).await?;
    let token = token.at(&server);
    let now = logins(&token).await?;
    all_unreadable(&before, &now);
    all_unreadable(&before, &logins(&token).await?);
    let nobody = Client::nobody(&server)?;
    for login in ["ada", "operator"] {
        nobody.post("/v1/session", json!({"login": login, "password": PASSWORD})).await?.refused(401, "auth.failed");
    }
    // What was recorded is shown but for what was sealed; the past too.
    let created = token.get("/v1/audit?subject=pool/vision").await?.done()?.body["events"][0].clone();
    assert_eq!((&created["type"], &created["reason"]), (&json!("PoolCreated"), &json!(null)));
    assert!(created["unreadable"].as_str().is_some_and(|why| why.contains("given up")), "{created}");
    assert!(created["actor"].as_str().is_some_and(|actor| actor.starts_with("user/unreadable-")), "{created}");
    let lost = token.get("/v1/audit?type=KeysLost").await?.done()?.body["events"].clone();
    assert_eq!((&lost[0]["data"]["users"], &lost[1]), (&json!(3), &Value::Null));
    assert_eq!(lost[0]["reason"], "dkube secrets abandon, on the server's machine");
    let past = token.all("/v1/users", created["position"].as_u64()).await?;
    assert_eq!(past.len(), 3, "{past:?}");
    assert!(past.iter().all(|user| user["login"].as_str().is_some_and(|it| it.starts_with("unreadable-"))), "{past:?}");
    // Work goes on.
    token.post("/v1/pools", json!({"name": "speech", "devices": []})).await?.done()?;
    token.post("/v1/users", json!({"logins": ["cyd"], "passwords": {"cyd": PASSWORD}})).await?.done()?;
    let in_use = place.dkube(&ABANDON).await?;
    assert!(in_use.code == Some(1) && in_use.err.contains("in use"), "{}", in_use.err);
    assert!(server.stop().await?.success());

    let reset = place.dkube(&["auth", "reset-operator", "--login", "root"]).await?.done()?;
    assert!(reset.contains("root has the password"), "{reset}");
    let other = place.dkube(&["auth", "reset-operator", "--login", "boss"]).await?;
    assert!(other.code == Some(1) && other.err.contains("is called root"), "{}", other.err);

    let server = Server::start(&place, &[]).await?;
    let operator = Client::nobody(&server)?.signed_in("root", PASSWORD).await?;
    Client::nobody(&server)?.signed_in("cyd", PASSWORD).await?;
    // Ada is who she was, and gets a login and a password.
    let (ada, _) = before.iter().find(|(_, login)| login == "ada").context("ada")?;
    let named = operator.patch(&format!("/v1/users/unreadable-{ada}"), json!({"login": "ada"})).await?.done()?;
    assert_eq!(named.body["events"][0]["type"], "LoginChanged");
    operator.patch("/v1/users/cyd", json!({"login": "sid"})).await?.refused(409, "user.login_readable");
    operator.post("/v1/password", json!({"login": "ada", "password": PASSWORD})).await?.done()?;
    operator.settled().await?;
    let session = Client::nobody(&server)?.signed_in("ada", PASSWORD).await?.get("/v1/session").await?.done()?;
    assert_eq!(session.body["login"], "ada");
    assert_eq!(operator.get("/v1/users/ada").await?.done()?.body["id"], json!(ada));
    assert!(server.stop().await?.success());

    // What was read anew is read the same from a snapshot, and without one.
    for without in [false, true] {
        let mut snapshots = 0;
        for file in place.files()?.into_keys() {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if name.starts_with("snapshot.") {
                snapshots += 1;
                if without {
                    fs::remove_file(place.data().join(file))?;
                }
            }
        }
        assert!(snapshots > 0, "{:?}", place.files()?);
        let server = Server::start(&place, &[]).await?;
        let now = logins(&token.at(&server)).await?;
        let called = |login: &str| now.iter().filter(|(_, it)| it == login).count();
        assert_eq!((called("root"), called("ada"), called("cyd"), now.len()), (1, 1, 1, 4), "{now:?}");
        assert!(server.stop().await?.success());
    }
    let verified = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    assert_eq!((&verified["sound"], &verified["cluster"]), (&json!(true), &root["cluster"]));
    Ok(())
}

#[tokio::test]
async fn a_lost_ring_and_a_key_of_another_one_are_named_and_given_up() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (token, before) = stopped(&place).await?;
    for lose in ["keyring", "master.key"] {
        let place = place.copy()?;
        match lose {
            "keyring" => fs::remove_file(place.data().join(lose))?,
            _ => fs::write(place.data().join(lose), "5".repeat(64))?,
        }
        let ran = place.dkube(&SERVE).await?;
        let says = |word: &str| ran.err.contains(word);
        assert!(ran.code == Some(1) && says("of 3 users") && says("secrets abandon"), "{}", ran.err);
        let told = place.dkube(&ABANDON).await?.done()?;
        assert!(told.contains("of 3 users") && told.contains("is kept") && told.contains("reset-operator"), "{told}");
        let server = Server::start(&place, &[]).await?;
        all_unreadable(&before, &logins(&token.at(&server)).await?);
        assert!(server.stop().await?.success());
        let verified = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
        assert_eq!(verified["sound"], true);
    }
    let nothing = Place::new()?.dkube(&ABANDON).await?;
    assert!(nothing.code == Some(1) && nothing.err.contains("there is no cluster"), "{}", nothing.err);
    Ok(())
}

#[tokio::test]
async fn what_was_given_up_is_recorded_once_though_the_machine_went_down_before() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (token, _) = stopped(&place).await?;
    fs::remove_file(place.data().join("master.key"))?;
    let full = place.copy()?;
    let ran = full.dkube(&[&ABANDON[..], &["--free-space-floor", "1000000TiB"]].concat()).await?;
    assert!(ran.code == Some(0) && ran.err.contains("is not recorded yet (the log is read-only"), "{}", ran.err);
    assert!(ran.out.contains("is a new key"), "{}", ran.out);
    let reset = full.dkube(&["auth", "reset-operator", "--login", "root", "--free-space-floor", "1000000TiB"]).await?;
    assert!(reset.code == Some(1) && reset.err.contains("can't be set"), "{}", reset.err);
    let given_up = place.copy()?;
    given_up.dkube(&ABANDON).await?.done()?;
    for reset in [false, true] {
        // The new keys are there, and the log does not tell of it.
        let place = place.copy()?;
        for file in ["keyring", "master.key"] {
            fs::copy(given_up.data().join(file), place.data().join(file))?;
        }
        if reset {
            place.dkube(&["auth", "reset-operator", "--login", "root"]).await?.done()?;
        }
        for _ in 0..2 {
            let server = Server::start(&place, &[]).await?;
            let token = token.at(&server);
            token.settled().await?;
            let lost = token.get("/v1/audit?type=KeysLost").await?.done()?.body["events"].clone();
            assert_eq!((&lost[0]["data"]["users"], &lost[1]), (&json!(3), &Value::Null), "{lost}");
            assert!(server.stop().await?.success());
        }
    }
    Ok(())
}
