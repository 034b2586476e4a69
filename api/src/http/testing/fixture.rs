use super::{CHEAP, Call, FakeEngine, PASSWORD, engine::Folder};
use crate::http::{
    App, HttpSettings, Parts,
    auth::TokenSecret,
    hash_password,
    port::{Commands as _, Counted, EngineVitals, Health, Relaying, Vitals},
    router,
};
use crate::{
    egress::{Egress, Policy},
    provider::Outside,
};
use axum::Router;
use bus::{
    clock::{Clock, SystemEntropy},
    engine::{Answer, Outcome, Request},
};
use domain::{
    Actor, ClusterId, Command, GroupName, Incarnation, Login, NodeName, Origin, Position, Principal, Role, Timestamp,
    UserId, Via,
    device::DeviceId,
    node::{self, Facts, Seen},
    token::{self, Scope},
    user::{self, Newcomer},
};
use projections::{Bounds, Feeder, Live, Past, Ports, Settings, Telemetry, start};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

/// A server on fakes, with an operator, an auditor, two data scientists, and a node of four devices.
pub(crate) struct Fixture {
    pub(crate) engine: Arc<FakeEngine>,
    pub(crate) router: Router,
    pub(crate) app: App,
    pub(crate) live: Live,
    pub(crate) stop: watch::Sender<bool>,
    /// Since when no agent can be heard.
    pub(crate) unheard: watch::Sender<Option<Timestamp>>,
    _feeder: Feeder,
}

/// Nothing is wrong, but what a test says.
struct Calm {
    unheard_since: watch::Receiver<Option<Timestamp>>,
}

/// The engine's time is the providers' as well.
struct EngineTime(Arc<FakeEngine>);

impl Clock for EngineTime {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl Vitals for Calm {
    fn engine(&self) -> EngineVitals {
        EngineVitals {
            commands: vec![("accepted", 7), ("refused", 1)],
            queue_depth: 2,
            commits: 3,
            events: 9,
            commit_sizes: vec![(1.0, 1), (8.0, 2), (f64::INFINITY, 0)],
        }
    }

    fn counted(&self) -> Vec<Counted> {
        let series = vec![(Some(("outcome", "taken".to_owned())), 5)];
        vec![Counted { name: "intake_reports", help: "Reports of agents, by what became of them", rises: true, series }]
    }

    fn health(&self) -> Vec<Health> {
        vec![Health { part: "engine", trouble: None, since: None }]
    }

    fn unheard_since(&self) -> Option<Timestamp> {
        *self.unheard_since.borrow()
    }

    fn relaying(&self) -> Option<Relaying> {
        Some(Relaying { connected: true, relaying: true, relayed: Position(1) })
    }

    fn contested(&self) -> Vec<(NodeName, Duration)> {
        vec![]
    }
}

impl Fixture {
    pub(crate) const MODEL: &'static str = "NVIDIA H100 80GB HBM3";

    pub(crate) async fn new() -> Self {
        Self::with(HttpSettings { password_cost: CHEAP, ..HttpSettings::default() }).await
    }

    pub(crate) async fn with(settings: HttpSettings) -> Self {
        // Stand-ins of providers are on loopback.
        let egress = Policy { insecure: true, ..Policy::default() };
        let cluster = ClusterId(Uuid::from_u128(0xc1));
        let engine = Arc::new(FakeEngine::new(cluster, Timestamp::from_micros(1_772_366_400_000_000)));
        let live = Live::new();
        let ports = Ports {
            events: Arc::clone(&engine) as _,
            store: Arc::new(Folder::default()),
            vault: Arc::clone(&engine.vault) as _,
        };
        let feeder = start(live.clone(), ports.clone(), engine.watermark(), Settings::default()).unwrap();
        let past = Past::new(live.clone(), ports, Bounds::default());
        let (stop, stopping) = watch::channel(false);
        let (unheard, calm) = watch::channel(None);
        let clock = Arc::clone(&engine);
        let time = Arc::new(EngineTime(Arc::clone(&engine)));
        let app = App::new(Parts {
            cluster,
            commands: Arc::clone(&engine) as _,
            log: Arc::clone(&engine) as _,
            live: live.clone(),
            past,
            telemetry: Telemetry::new(1 << 20),
            mirrors: projections::mirror::Mirrors::default(),
            vault: Arc::clone(&engine.vault) as _,
            clock: Arc::new(move || clock.now()),
            outside: Outside::new(Arc::new(Egress::new(egress)), time, Arc::new(SystemEntropy)),
            vitals: Arc::new(Calm { unheard_since: calm }),
            settings,
            stopping,
        });
        let fixture = Self { engine, router: router(app.clone()), app, live, stop, unheard, _feeder: feeder };
        fixture.populate(cluster);
        if fixture.app.settings().vendor_key.is_some() {
            fixture.engine.require_license();
        }
        fixture.settled().await;
        fixture
    }

    fn populate(&self, cluster: ClusterId) {
        let password = || hash_password(PASSWORD, CHEAP).unwrap();
        let newcomer = |login: &str| Newcomer::with_password(login.parse().unwrap(), password());
        let operator = newcomer("operator");
        self.system(Command::Found { cluster, demonstration: true, operator });
        for (login, role) in [("aud", Role::Auditor), ("ada", Role::DataScientist), ("bob", Role::DataScientist)] {
            let group = Some(GroupName::default_group());
            self.system(Command::User(user::Command::Onboard { newcomers: vec![newcomer(login)], group, role }));
        }
        let node: NodeName = "node-01".parse().unwrap();
        let origin = Origin { incarnation: Incarnation(Uuid::nil()), sequence: 1, observed_at: self.engine.now() };
        let devices = (0..4).map(|nth| Seen {
            device: Self::device(nth),
            slot: format!("00000000:{nth:02X}:00.0").parse().unwrap(),
            model: Self::MODEL.parse().unwrap(),
            memory_bytes: 80 << 30,
            instances: vec![],
        });
        let devices = Some(devices.collect());
        self.system(Command::Node(node::Command::ReportInventory {
            node,
            origin,
            facts: Facts::default(),
            devices,
            settled: true,
        }));
    }

    /// The device of that number.
    pub(crate) fn device(nth: u128) -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(0x1000 + nth))
    }

    /// Carries out a command of the server's own.
    pub(crate) fn system(&self, command: Command) -> Answer {
        self.engine.carry_out(&Request::new(Principal::SYSTEM, command)).unwrap()
    }

    /// Waits until the read models show all that happened.
    pub(crate) async fn settled(&self) {
        let durable = *self.engine.watermark().borrow();
        self.live.wait_for(durable, Duration::from_secs(20)).await.unwrap();
    }

    /// The user of that login.
    pub(crate) async fn user(&self, login: &str) -> UserId {
        self.settled().await;
        let login: Login = login.parse().unwrap();
        self.app.present(|state| state.cluster().user_by_login(&login).unwrap().id)
    }

    /// A token of that user.
    pub(crate) async fn token(&self, login: &str, scope: Scope, days: u32) -> String {
        let user = self.user(login).await;
        let secret = TokenSecret::generate();
        let via = Via::Session { since: self.live.position() };
        let asker = Principal { actor: Actor::User(user), via, address: None };
        // Names are unique among a user's own.
        let name = format!("t{}", &secret.reveal()[6..14]).parse().unwrap();
        let command = Command::Token(token::Command::Issue { name, scope, days, hash: secret.hash() });
        let answer = self.engine.carry_out(&Request::new(asker, command)).unwrap();
        assert!(matches!(&answer.outcome, Outcome::Recorded(events) if events.len() == 1));
        self.settled().await;
        secret.reveal().to_owned()
    }

    /// The operator's full token.
    pub(crate) async fn operator(&self) -> String {
        self.token("operator", Scope::Full, 30).await
    }

    /// Signs in: the cookie and the CSRF token.
    pub(crate) async fn sign_in(&self, login: &str) -> (String, String) {
        let call = Call::post("/v1/session", &json!({"login": login, "password": PASSWORD}));
        let answer = call.send(&self.router).await;
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        (cookie, answer.ok()["csrf_token"].as_str().unwrap().to_owned())
    }

    /// Sends a command with this token, and waits until it shows.
    pub(crate) async fn done(&self, token: &str, call: Call) -> Value {
        let answer = call.token(token).send(&self.router).await.ok();
        self.settled().await;
        answer
    }
}
