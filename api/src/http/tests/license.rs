//! The license over HTTP, and what is said of the server.
use crate::{
    http::{
        HttpSettings,
        testing::{CHEAP, Call, Fixture},
    },
    license::{SigningKey, VendorKey, new_keys},
};
use domain::{LicenseId, Timestamp, license::License};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

const DAY: i64 = 86_400;

/// A server that needs a license, and the vendor's keys.
struct World {
    fixture: Fixture,
    keys: TempDir,
    operator: String,
}

impl World {
    async fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let (private, public) = (keys.path().join("key"), keys.path().join("key.pub"));
        new_keys(&private, &public).unwrap();
        let vendor_key = Some(VendorKey::in_file(&public).unwrap());
        let fixture = Fixture::with(HttpSettings { password_cost: CHEAP, vendor_key, ..HttpSettings::default() }).await;
        let operator = fixture.operator().await;
        Self { fixture, keys, operator }
    }

    /// A token that grants so many users for so many days.
    fn signed(&self, days: i64, seats: u32) -> String {
        let now = self.fixture.engine.now();
        self.issued(now, days, seats)
    }

    /// The same, signed then.
    fn issued(&self, now: Timestamp, days: i64, seats: u32) -> String {
        let license = License {
            id: LicenseId(Uuid::from_u128(7)),
            licensee: "Example Institute".parse().unwrap(),
            issued_at: now,
            starts_at: now,
            ends_at: now.plus_seconds(days * DAY),
            grace_days: 14,
            seats: Some(seats),
            devices: None,
        };
        SigningKey::in_file(&self.keys.path().join("key")).unwrap().issue(license).unwrap()
    }

    fn install(&self, token: &str) -> Call {
        Call::new("PUT", "/v1/license").json(&json!({ "token": token })).token(&self.operator)
    }

    async fn get(&self, path: &str) -> Value {
        self.fixture.settled().await;
        Call::get(path).token(&self.operator).send(&self.fixture.router).await.ok()
    }

    /// The codes of all alerts.
    async fn alerts(&self) -> Vec<String> {
        let alerts = self.get("/v1/alerts").await;
        alerts["items"].as_array().unwrap().iter().map(|alert| alert["code"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn without_a_license_nothing_is_made_and_with_one_it_is() {
    let world = World::new().await;
    let router = &world.fixture.router;
    let create = || Call::post("/v1/pools", &json!({"name": "vision", "devices": []})).token(&world.operator);
    create().send(router).await.problem("license.missing");
    let missing = world.get("/v1/license").await;
    assert_eq!(
        (&missing["required"], &missing["state"], &missing["license"]),
        (&json!(true), &json!("none"), &Value::Null)
    );
    assert!(missing["refuses"].is_string());
    assert_eq!(world.alerts().await, ["license.missing"]);

    let token = world.signed(40, 5);
    let answer = world.install(&token).send(router).await.ok();
    assert_eq!(answer["events"][0]["type"], "LicenseInstalled");
    let license = world.get("/v1/license").await;
    assert_eq!((&license["state"], &license["refuses"]), (&json!("valid"), &Value::Null));
    assert_eq!(license["users"], json!({"used": 4, "limit": 5}));
    assert_eq!(license["license"]["licensee"], "Example Institute");
    assert_eq!(world.alerts().await, Vec::<String>::new());
    create().send(router).await.ok();
    assert_eq!(world.install(&token).send(router).await.ok()["events"], json!([]), "it holds already");

    // What is kept is what it grants, never the token.
    let signature = token.rsplit('.').next().unwrap();
    assert!(!world.get("/v1/audit").await.to_string().contains(signature));
    let onboard = Call::post("/v1/users", &json!({"logins": ["cyd", "dan"]})).token(&world.operator);
    onboard.send(router).await.problem("license.seats");
}

#[tokio::test]
async fn what_is_no_license_of_the_vendor_is_refused_with_the_reason() {
    let (world, other) = (World::new().await, World::new().await);
    let router = &world.fixture.router;
    let foreign = world.install(&other.signed(40, 5)).send(router).await.problem("license.foreign");
    assert!(foreign["detail"].as_str().is_some_and(|detail| detail.contains("not signed by the vendor")));
    let malformed = world.install("hunter2").send(router).await.problem("license.malformed");
    assert!(!malformed.to_string().contains("hunter2"));
    let claims = json!({ "aud": "another-product", "sub": "Example Institute" });
    let pem = std::fs::read(world.keys.path().join("key")).unwrap();
    let pem = jsonwebtoken::EncodingKey::from_ed_pem(&pem).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    let other = jsonwebtoken::encode(&header, &claims, &pem).unwrap();
    let elsewhere = world.install(&other).send(router).await.problem("license.other_product");
    assert!(elsewhere["detail"].as_str().is_some_and(|detail| detail.contains("another product")), "{elsewhere}");
    let later = world.fixture.engine.now().plus_seconds(2 * DAY);
    let early = world.install(&world.issued(later, 40, 5)).send(router).await.problem("license.from_future");
    assert!(early["detail"].as_str().is_some_and(|detail| detail.contains("clock is wrong")), "{early}");
    world.install(&world.signed(-1, 5)).send(router).await.problem("request.malformed");
    let ada = world.fixture.token("ada", domain::token::Scope::Full, 1).await;
    let install = Call::new("PUT", "/v1/license").json(&json!({ "token": world.signed(40, 5) })).token(&ada);
    install.send(router).await.problem("auth.forbidden");
}

#[tokio::test]
async fn the_one_that_is_installed_is_refused_too_once_it_has_ended() {
    let world = World::new().await;
    let token = world.signed(20, 500);
    world.install(&token).send(&world.fixture.router).await.ok();
    world.fixture.engine.pass(20 * DAY);
    world.install(&token).send(&world.fixture.router).await.problem("license.ended");
}

#[tokio::test]
async fn one_that_ends_soon_is_warned_about() {
    let world = World::new().await;
    world.install(&world.signed(20, 500)).send(&world.fixture.router).await.ok();
    let license = world.get("/v1/license").await;
    assert_eq!((&license["state"], &license["license"]["days_left"]), (&json!("ending"), &json!(19)));
    assert_eq!(world.alerts().await, ["license.ending"]);
}

#[tokio::test]
async fn one_that_grants_too_little_says_so() {
    let world = World::new().await;
    for days in [40, 20] {
        world.install(&world.signed(days, 3)).send(&world.fixture.router).await.ok();
        let license = world.get("/v1/license").await;
        assert_eq!((&license["state"], &license["users"]), (&json!("exceeded"), &json!({"used": 4, "limit": 3})));
        assert!(license["refuses"].as_str().is_some_and(|why| why.contains("grants 3 users")), "{license}");
        assert_eq!(world.get("/v1/about").await["license"], "exceeded");
        assert_eq!(world.alerts().await, ["license.limit"]);
    }
    world.fixture.engine.pass(21 * DAY);
    assert_eq!(world.get("/v1/license").await["state"], "grace", "its end is the worse of the two");
    assert_eq!(world.alerts().await, ["license.grace"]);
}

#[tokio::test]
async fn without_a_vendors_key_there_is_no_limit() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let install = Call::new("PUT", "/v1/license").json(&json!({ "token": "x" })).token(&operator);
    install.send(&fixture.router).await.problem("license.not_required");
    let ada = fixture.token("ada", domain::token::Scope::Read, 1).await;
    let license = Call::get("/v1/license").token(&ada).send(&fixture.router).await.ok();
    assert_eq!((&license["required"], &license["refuses"]), (&json!(false), &Value::Null));
    let told = license.as_object().unwrap();
    assert!(!told.contains_key("users") && !told.contains_key("devices"), "null would read as none: {license}");
}

#[tokio::test]
async fn a_server_says_which_it_is() {
    let fixture = Fixture::new().await;
    let ada = fixture.token("ada", domain::token::Scope::Read, 1).await;
    let about = Call::get("/v1/about").token(&ada).send(&fixture.router).await.ok();
    assert_eq!(about["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&about["demonstration"], &about["sign_in"]), (&json!(true), &json!("local")));
    assert!(!about.as_object().unwrap().contains_key("parts"), "how the server is made is not for everybody: {about}");
    let operator = fixture.operator().await;
    let parts = Call::get("/v1/about").token(&operator).send(&fixture.router).await.ok()["parts"].take();
    assert_eq!(parts["log"]["position"], fixture.live.position().0);
    assert_eq!(parts["nats"], json!({"connected": true, "relaying": true, "relayed": 1}));
    Call::get("/v1/about?as_of=1").token(&ada).send(&fixture.router).await.problem("as_of.unsupported");
    Call::get("/v1/about").send(&fixture.router).await.problem("auth.required");
}
