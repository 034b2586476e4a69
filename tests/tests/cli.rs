//! The five-minute tour, by the binary's own commands.
use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::fs;
use tests::harness::{Client, Place, Ran, Server};

/// A server with a simulated fleet that has reported, and a place from where its operator is signed in to it.
struct Tour {
    place: Place,
    server: Server,
    operator: Client,
}

impl Tour {
    async fn begin() -> anyhow::Result<Self> {
        Self::begin_in(Place::new()?, &[]).await
    }

    async fn begin_in(place: Place, flags: &[&str]) -> anyhow::Result<Self> {
        let server = Server::start(&place, &[&["--simulate", "2x4"], flags].concat()).await?;
        let devices = |list: &Value| list["items"].as_array().is_some_and(|devices| devices.len() == 8);
        let operator = Client::operator(&server).await?;
        operator.until("/v1/devices", devices).await?;
        let tour = Self { place, server, operator };
        let password = tour.place.text("password");
        let signed_in = tour.run(&["login", "--login", "operator", "--password-file", &password]).await?.done()?;
        assert!(signed_in.starts_with("signed in to "), "{signed_in}");
        tour.operator.settled().await?;
        Ok(tour)
    }

    async fn run(&self, words: &[&str]) -> anyhow::Result<Ran> {
        self.place.dkube(&[words, &["--server", self.server.url()]].concat()).await
    }

    async fn table(&self, words: &[&str]) -> anyhow::Result<String> {
        self.run(words).await?.done()
    }

    async fn json(&self, words: &[&str]) -> anyhow::Result<Value> {
        self.run(&[words, &["-o", "json"]].concat()).await?.json()
    }

    /// Runs a command that must fail with this exit code, and answers what it says on standard error.
    async fn fails(&self, code: i32, words: &[&str]) -> anyhow::Result<String> {
        let ran = self.run(words).await?;
        assert_eq!(ran.code, Some(code), "{words:?}: {}{}", ran.out, ran.err);
        assert_eq!(ran.out, "", "{words:?} says something and fails");
        Ok(ran.err)
    }

    async fn position(&self) -> anyhow::Result<u64> {
        self.operator.settled().await?;
        self.json(&["overview"]).await?["position"].as_u64().context("a position")
    }
}

#[tokio::test]
async fn five_minutes() -> anyhow::Result<()> {
    let tour = Tour::begin().await?;
    let nodes = tour.table(&["node", "list"]).await?;
    assert!(nodes.starts_with("NAME") && nodes.contains("sim-1") && nodes.contains("sim-2"), "{nodes}");
    let pools = tour.table(&["pool", "list"]).await?;
    assert!(pools.lines().nth(1).is_some_and(|line| line.starts_with("default")), "{pools}");
    let devices = tour.table(&["device", "list"]).await?;
    assert_eq!(devices.matches("GPU-").count(), 8, "{devices}");

    let list = tour.json(&["device", "list"]).await?;
    let model = list["items"][0]["model"].as_str().context("a model")?;
    let of_model = list["items"].as_array().context("items")?.iter().filter(|device| device["model"] == model);
    let count = of_model.count().min(3).to_string();
    let before = tour.position().await?;
    let create = ["pool", "create", "vision", "--model", model, "--count", &count, "--reason", "for the tour"];
    let planned = tour.json(&[&create[..], &["--dry-run"]].concat()).await?;
    assert_eq!((&planned["dry_run"], &planned["events"][0]["type"]), (&json!(true), &json!("PoolCreated")));
    let own = ["audit", "list", "--actor", "user/operator", "--type", "PoolCreated"];
    assert_eq!(tour.json(&own).await?["events"], json!([]), "a dry run recorded something");
    let created = tour.table(&create).await?;
    assert!(created.contains("PoolCreated") && created.contains("pool/vision"), "{created}");
    tour.table(&["user", "onboard", "ada", "bob", "--no-group"]).await?;
    tour.table(&["group", "create", "seeing", "--user", "ada", "--pool", "vision"]).await?;
    tour.table(&["group", "edit", "seeing", "--add-user", "bob"]).await?;
    let started = tour.json(&["job", "start", "train", "--user", "ada", "--devices", "1"]).await?;
    let job = started["events"][0]["subject"].as_str().context("a subject")?.replace("job/", "");
    assert!(tour.table(&["job", "list"]).await?.contains("train"));

    let busy = tour.fails(3, &["pool", "delete", "vision"]).await?;
    assert!(busy.contains("pool.busy") && busy.contains(&job), "{busy}");
    let busy: Value = serde_json::from_str(&tour.fails(3, &["pool", "delete", "vision", "-o", "json"]).await?)?;
    assert_eq!((&busy["code"], &busy["refs"]), (&json!("pool.busy"), &json!([format!("job/{job}")])));
    tour.table(&["job", "finish", &job, "--force", "--reason", "the tour is over"]).await?;
    tour.table(&["pool", "delete", "vision"]).await?;
    assert!(!tour.table(&["pool", "list"]).await?.contains("vision"));

    let past = tour.table(&["pool", "list", "--as-of", &started["position"].to_string()]).await?;
    assert!(past.contains("vision"), "{past}");
    let audit = tour.table(&["audit", "list", "--subject", "pool/vision"]).await?;
    assert!(
        audit.contains("PoolDeleted") && audit.contains("PoolCreated") && audit.contains("for the tour"),
        "{audit}"
    );
    assert!(audit.contains("user/operator") && audit.contains("WHAT") && audit.contains("pool=vision"), "{audit}");
    let events = tour.table(&["events", "--after", &before.to_string(), "--type", "JobStarted"]).await?;
    assert_eq!(events.lines().count(), 1, "{events}");
    assert!(events.contains(&job), "{events}");
    for words in [
        &["overview"][..],
        &["whoami"],
        &["node", "list"],
        &["node", "show", "sim-1"],
        &["pool", "show", "default"],
        &["group", "list"],
        &["group", "show", "seeing"],
        &["user", "list"],
        &["user", "show", "ada"],
        &["job", "list"],
        &["token", "list"],
        &["audit", "list"],
        &["audit", "show", "1"],
    ] {
        assert!(tour.json(words).await?.is_object(), "{words:?}");
        assert!(!tour.table(words).await?.is_empty(), "{words:?}");
    }
    for line in tour.table(&["events", "-o", "json"]).await?.lines() {
        assert_eq!(serde_json::from_str::<Value>(line)?["specversion"], "1.0");
    }
    assert!(tour.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn exit_codes_say_what_kind_of_failure_it_was() -> anyhow::Result<()> {
    let tour = Tour::begin().await?;
    let before = tour.position().await?;
    // 2: the command line, a setting, or the request itself is malformed.
    tour.fails(2, &["pool", "create", "No_Name"]).await?;
    tour.fails(2, &["pool", "list", "--as-of", "yesterday"]).await?;
    tour.fails(2, &["pool", "list", "--as-of", "1000000"]).await?;
    tour.fails(2, &["nonsense"]).await?;
    for words in [&["audit", "list", "--type", "PoolCreatd"][..], &["events", "--type", "PoolCreatd"]] {
        assert!(tour.fails(2, words).await?.contains("perhaps PoolCreated"), "{words:?}");
    }
    tour.fails(2, &["device", "list", "--pool", "nowhere"]).await?;
    assert_eq!(tour.place.dkube(&["serve", "--simulate", "many"]).await?.code, Some(2));
    assert_eq!(tour.place.dkube(&["serve", "--listen", "0.0.0.0:0"]).await?.code, Some(2));
    // 3: the rules or the state of things do not allow it.
    assert!(tour.fails(3, &["pool", "delete", "nowhere"]).await?.contains("pool.not_found"));
    assert!(tour.fails(3, &["pool", "delete", "default"]).await?.contains("pool.default"));
    assert!(tour.fails(3, &["group", "edit", "default", "--no-pool", "--if-match", "1"]).await?.contains("condition"));
    // 4: not signed in, or not allowed.
    let audit = tour.json(&["audit", "list", "--actor", "user/operator"]).await?;
    let since = audit["events"].as_array().context("events")?.iter();
    let since = since.take_while(|event| event["position"].as_u64() > Some(before));
    let mut types: Vec<_> = since.map(|event| event["type"].as_str().unwrap_or_default()).collect();
    types.sort_unstable();
    assert_eq!(types, ["AuditRead", "CommandRejected", "CommandRejected"], "a refusal recorded something else");
    tour.table(&["user", "onboard", "ada", "--password-file", &tour.place.text("password")]).await?;
    let nobody = Place::new()?;
    let server = ["--server", tour.server.url()];
    let listed = nobody.dkube(&[&["pool", "list"], &server[..]].concat()).await?;
    assert_eq!(listed.code, Some(4), "{}", listed.err);
    assert!(listed.err.contains("dkube login"), "{}", listed.err);
    fs::write(nobody.path("wrong"), "this is not it at all\n")?;
    let wrong = ["login", "--login", "ada", "--password-file", &nobody.text("wrong")];
    assert_eq!(nobody.dkube(&[&wrong[..], &server[..]].concat()).await?.code, Some(4));
    let login = ["login", "--login", "ada", "--password-file", &nobody.text("password")];
    nobody.dkube(&[&login[..], &server[..]].concat()).await?.done()?;
    let denied = nobody.dkube(&[&["pool", "create", "mine"], &server[..]].concat()).await?;
    assert_eq!(denied.code, Some(4), "{}", denied.err);
    assert!(denied.err.contains("auth.forbidden"), "{}", denied.err);
    nobody.dkube(&[&["logout"], &server[..]].concat()).await?.done()?;
    assert_eq!(nobody.dkube(&[&["whoami"], &server[..]].concat()).await?.code, Some(4));
    // 1: a fault: here, a log that is in use.
    let verified = tour.place.dkube(&["log", "verify"]).await?;
    assert_eq!(verified.code, Some(1), "{}", verified.out);
    assert!(verified.err.contains("is in use by process"), "{}", verified.err);
    // 5: nobody there.
    let url = tour.server.url().to_owned();
    let Tour { place, server, .. } = tour;
    assert!(server.stop().await?.success());
    let away = place.dkube(&["pool", "list", "--retries", "0", "--server", &url]).await?;
    assert_eq!(away.code, Some(5), "{}{}", away.out, away.err);
    Ok(())
}

#[tokio::test]
async fn who_follows_sees_what_happens() -> anyhow::Result<()> {
    let tour = Tour::begin().await?;
    let words = ["events", "--follow", "--after", "0", "-o", "json", "--server", tour.server.url()];
    let mut follower = tour.place.start(&words)?;
    assert!(follower.line().await?.contains("io.dkube.ClusterFounded"));
    tour.table(&["pool", "create", "vision"]).await?;
    while serde_json::from_str::<Value>(&follower.line().await?)?["subject"] != "pool/vision" {}
    assert!(tour.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn an_export_read_into_an_empty_folder_is_the_same_log() -> anyhow::Result<()> {
    let tour = Tour::begin().await?;
    tour.table(&["pool", "create", "vision"]).await?;
    tour.table(&["user", "onboard", "ada.lovelace", "bob", "--reason", "they see well"]).await?;
    tour.table(&["user", "delete", "bob"]).await?;
    let Tour { place, server, .. } = tour;
    assert!(server.stop().await?.success());
    let verified = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    assert_eq!(verified["sound"], true);

    let export = place.text("export.ndjson");
    let exported = place.dkube(&["log", "export", "--to", &export, "-o", "json"]).await?.json()?;
    assert_eq!(exported["root"], verified["root"]);
    assert_eq!(place.dkube(&["log", "export", "--to", &export]).await?.code, Some(1), "it would be overwritten");
    let streamed = place.dkube(&["log", "export"]).await?.done()?;
    assert_eq!(streamed, fs::read_to_string(&export)?);
    let mut stored = vec![];
    for line in streamed.lines() {
        if let Some(bytes) = serde_json::from_str::<Value>(line)?["bytes"].as_str() {
            stored.extend(BASE64_STANDARD.decode(bytes)?);
        }
    }
    let holds = |word: &str| stored.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(holds("vision"), "a pool's name is no secret, and is found");
    for word in ["ada.lovelace", "see well"] {
        assert!(!holds(word) && !streamed.contains(word), "{word} is in the export");
    }

    let other = Place::new()?;
    let imported = other.dkube(&["log", "import", "--from", &export, "-o", "json"]).await?.json()?;
    assert_eq!((&imported["root"], &imported["events"]), (&verified["root"], &verified["events"]));
    let again = other.dkube(&["log", "import", "--from", &export]).await?;
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("holds a log"), "{}", again.err);
    let keyless = other.dkube(&["serve", "--simulate", "2x4", "--listen", "127.0.0.1:0"]).await?;
    assert_eq!(keyless.code, Some(1));
    assert!(keyless.err.contains("master key"), "{}", keyless.err);
    for name in ["keyring", "master.key"] {
        fs::copy(place.data().join(name), other.data().join(name))?;
    }
    let last = verified["events"].as_u64().context("events")?;
    assert_eq!(lists(&other, last).await?, lists(&place, last).await?);
    let verified_again = other.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    assert_eq!((&verified_again["cluster"], &verified_again["sound"]), (&verified["cluster"], &json!(true)));

    let cut: String = streamed.split_inclusive('\n').take(5).collect();
    let third = Place::new()?;
    fs::write(third.path("cut"), cut)?;
    let refused = third.dkube(&["log", "import", "--from", &third.text("cut")]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("cut short"), "{}", refused.err);
    Ok(())
}

/// What a server on this data shows as of that position.
async fn lists(place: &Place, last: u64) -> anyhow::Result<Vec<Vec<Value>>> {
    let server = Server::start(place, &["--simulate", "2x4"]).await?;
    let client = Client::operator(&server).await?;
    client.shows(last).await?.done()?;
    let mut lists = vec![];
    for path in ["/v1/pools", "/v1/groups", "/v1/users", "/v1/nodes", "/v1/devices", "/v1/jobs", "/v1/audit?order=asc"]
    {
        lists.push(client.all(path, Some(last)).await?);
    }
    assert!(server.stop().await?.success());
    Ok(lists)
}

#[tokio::test]
async fn a_vendor_signs_a_license_and_an_operator_installs_it() -> anyhow::Result<()> {
    let place = Place::new()?;
    let (key, public) = (place.text("vendor"), place.text("vendor.pub"));
    place.dkube(&["license", "keygen", &key]).await?.done()?;
    let issue =
        ["license", "issue", "--key", &key, "--licensee", "Example Institute", "--days", "90", "--devices", "8"];
    let token = place.dkube(&issue).await?.done()?;
    fs::write(place.path("license"), &token)?;

    let tour = Tour::begin_in(place, &["--license-key", &public]).await?;
    let create = ["pool", "create", "vision"];
    assert!(tour.fails(3, &create).await?.contains("there is no license"));
    let license = tour.place.text("license");
    let installed = tour.table(&["license", "install", &license]).await?;
    assert!(installed.contains("LicenseInstalled") && !installed.contains(token.trim()), "{installed}");
    tour.table(&create).await?;
    let shown = tour.table(&["license", "show"]).await?;
    assert!(shown.contains("Example Institute") && shown.contains("valid"), "{shown}");
    let about = tour.json(&["about"]).await?;
    assert_eq!((&about["license"], &about["license_required"]), (&json!("valid"), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn an_operator_whom_nobody_lets_in_gets_a_password_on_the_servers_machine() -> anyhow::Result<()> {
    let tour = Tour::begin().await?;
    let (own, lost) = (tour.place.text("password"), tour.place.text("lost"));
    fs::write(&lost, "a password that is forgotten\n")?;
    tour.table(&["password", "--login", "operator", "--password-file", &own, "--new-password-file", &lost]).await?;
    let Tour { place, server, .. } = tour;
    let reset = ["auth", "reset-operator", "--simulate", "2x4"];
    let busy = place.dkube(&reset).await?;
    assert_eq!(busy.code, Some(1), "the server has the log: {}", busy.err);
    assert!(server.stop().await?.success());
    let told = place.dkube(&reset).await?.done()?;
    assert!(told.contains("operator has the password that the settings give"), "{told}");

    let server = Server::start(&place, &["--simulate", "2x4"]).await?;
    let sign_in = async |file: &str| {
        place.dkube(&["login", "--login", "operator", "--password-file", file, "--server", server.url()]).await
    };
    assert_eq!(sign_in(&lost).await?.code, Some(4));
    sign_in(&own).await?.done()?;
    let query = ["audit", "list", "--type", "PasswordSet", "-o", "json", "--server", server.url()];
    let audit = place.dkube(&query).await?.json()?;
    let newest = &audit["events"][0];
    assert_eq!(newest["actor"], "system");
    assert_eq!(newest["reason"], "dkube auth reset-operator, on the server's machine");

    let nothing = Place::new()?.dkube(&reset).await?;
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.contains("there is no cluster in the data folder"), "{}", nothing.err);
    assert!(server.stop().await?.success());
    Ok(())
}
