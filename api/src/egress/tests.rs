use super::*;
use axum::{
    Router,
    body::Body,
    extract::Request as Asked,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{any, get},
};
use futures::future::BoxFuture;
use reqwest::dns::Resolve as _;
use std::{
    io,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A name server that answers differently each time.
#[derive(Default)]
struct Names {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(parsed).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Lookup for Names {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(turn).cloned().ok_or_else(|| io::Error::other("it has no more"));
        Box::pin(std::future::ready(answer))
    }
}

fn strict() -> Policy {
    Policy::default()
}

fn insecure() -> Policy {
    Policy { insecure: true, ..Policy::default() }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

async fn serve(router: Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url(&format!("http://{address}/"))
}

async fn get_from(egress: &Egress, url: Url) -> Result<Answer, EgressError> {
    egress.send(Request::new(Method::GET, url)).await
}

#[test]
fn an_address_is_https_with_a_public_host_and_no_more() {
    let egress = Egress::new(strict());
    for good in ["https://github.com", "https://1.1.1.1:8443/x?y", "https://[2606:4700::1111]/"] {
        assert_eq!(egress.check(&url(good)), Ok(()), "{good}");
    }
    for (bad, code) in [
        ("http://github.com", "egress.address"),
        ("ftp://github.com", "egress.address"),
        ("file:///etc/passwd", "egress.address"),
        ("https://ada@github.com", "egress.address"),
        ("https://:hunter2@github.com", "egress.address"),
        ("https://127.0.0.1", "egress.blocked"),
        ("https://0x7f.1", "egress.blocked"),
        ("https://2130706433", "egress.blocked"),
        ("https://0251.0376.169.254", "egress.blocked"),
        ("https://10.0.0.1", "egress.blocked"),
        ("https://[::1]", "egress.blocked"),
        ("https://[::ffff:169.254.169.254]", "egress.blocked"),
        ("https://[64:ff9b::a9fe:a9fe]", "egress.blocked"),
    ] {
        let error = egress.check(&url(bad)).unwrap_err();
        assert_eq!(error.code(), code, "{bad}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn the_list_opens_private_networks_and_nothing_else() {
    let everything = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap()).to_vec();
    let open = Policy { allow: everything, insecure: false };
    for permitted in ["10.0.0.1", "192.168.0.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1"] {
        assert!(open.permits(permitted.parse().unwrap()), "{permitted}");
        assert!(!strict().permits(permitted.parse().unwrap()), "{permitted}");
    }
    for closed in ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "0.0.0.0"] {
        assert!(!open.permits(closed.parse().unwrap()), "{closed}");
        assert!(insecure().permits(closed.parse().unwrap()), "{closed}");
    }
    let one = Policy { allow: vec!["10.1.0.0/16".parse().unwrap()], insecure: false };
    assert!(one.permits("10.1.2.3".parse().unwrap()) && !one.permits("10.2.0.1".parse().unwrap()));
}

#[tokio::test]
async fn only_permitted_addresses_of_a_name_are_handed_on() {
    let names = Names::of(&[&["127.0.0.1", "1.1.1.1", "::1"], &["10.0.0.1", "169.254.169.254"], &[]]);
    let guard = Guarded { policy: strict(), lookup: names };
    let found: Vec<_> = guard.resolve("a.example".parse().unwrap()).await.unwrap().collect();
    assert_eq!(found, ["1.1.1.1:0".parse().unwrap()]);
    for code in ["egress.blocked", "egress.unreachable", "egress.unreachable"] {
        let Err(error) = guard.resolve("a.example".parse().unwrap()).await else { panic!("{code}") };
        assert_eq!(error.downcast_ref::<EgressError>().unwrap().code(), code);
    }
}

#[tokio::test]
async fn a_name_of_a_closed_address_is_not_connected_to() {
    let egress = Egress::with(strict(), LIMITS, Names::of(&[&["127.0.0.1"], &["169.254.169.254"]]));
    for _ in 0..2 {
        let error = get_from(&egress, url("https://rebound.example/")).await.unwrap_err();
        assert_eq!(error, EgressError::Blocked { host: "rebound.example".to_owned() });
    }
    // The real name server of this machine knows this one.
    let error = get_from(&Egress::new(strict()), url("https://localhost/")).await.unwrap_err();
    assert_eq!(error.code(), "egress.blocked");
}

#[tokio::test]
async fn what_was_judged_is_what_is_connected_to() {
    let address = serve(Router::new().route("/", get(|| async { "here" }))).await;
    // Who resolved it a second time would come to another address.
    let names = Names::of(&[&["127.0.0.1"], &["192.0.2.1"]]);
    let egress = Egress::with(insecure(), LIMITS, Arc::clone(&names) as Arc<dyn Lookup>);
    let asked = url(&format!("http://rebound.example:{}/", address.port().unwrap()));
    assert_eq!(get_from(&egress, asked).await.unwrap().body.as_ref(), b"here");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn redirects_are_judged_hop_by_hop() {
    let hop = |to: &'static str| get(move || async move { Redirect::temporary(to) });
    let router = Router::new()
        .route("/0", hop("/1"))
        .route("/1", hop("/2"))
        .route("/2", hop("/3"))
        .route("/3", get(|| async { "there" }))
        .route("/long", hop("/0"))
        .route("/away", hop("ftp://1.1.1.1/"))
        .route("/with", hop("http://ada:hunter2@127.0.0.1/"))
        .route("/post", any(|| async { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/3")]) }));
    let address = serve(router).await;
    let egress = Egress::new(insecure());
    let at = |path: &str| address.join(path).unwrap();
    let answer = get_from(&egress, at("/0")).await.unwrap();
    assert_eq!((answer.body.as_ref(), answer.url.path()), (&b"there"[..], "/3"));
    assert_eq!(get_from(&egress, at("/long")).await.unwrap_err(), EgressError::Redirects);
    assert_eq!(get_from(&egress, at("/away")).await.unwrap_err(), EgressError::Scheme);
    assert_eq!(get_from(&egress, at("/with")).await.unwrap_err(), EgressError::Credentials);
    // Its body could be a secret: it goes to nobody else.
    let answer = egress.send(Request::new(Method::POST, at("/post"))).await.unwrap();
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn a_redirect_to_a_closed_address_is_refused() {
    // The first hop has to be loopback, and so has the policy to permit it: the hop is judged by another one.
    let router = Router::new().route("/", get(|| async { Redirect::permanent("https://169.254.169.254/latest") }));
    let address = serve(router).await;
    let lenient = Egress::new(insecure());
    let client = lenient.client(following(strict())).unwrap();
    let error = client.get(address).send().await.unwrap_err();
    let verdict = EgressError::of("x", &error);
    assert_eq!(verdict, EgressError::Blocked { host: "169.254.169.254".to_owned() });
}

#[tokio::test]
async fn a_body_has_a_bound() {
    let chunks = || Body::from_stream(futures::stream::iter((0..17).map(|_| Ok::<_, io::Error>(vec![b'x'; 1 << 16]))));
    let router = Router::new()
        .route("/chunks", get(move || async move { chunks() }))
        .route("/whole", get(|| async { vec![b'x'; (1 << 20) + 1] }))
        .route("/just", get(|| async { vec![b'x'; 1 << 20] }));
    let address = serve(router).await;
    let egress = Egress::new(insecure());
    for path in ["chunks", "whole"] {
        let error = get_from(&egress, address.join(path).unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "egress.too_large", "{path}");
    }
    assert_eq!(get_from(&egress, address.join("just").unwrap()).await.unwrap().body.len(), 1 << 20);
}

#[tokio::test]
async fn who_hangs_is_not_waited_for() {
    let stalled = || async { Body::from_stream(futures::stream::pending::<Result<Vec<u8>, io::Error>>()) };
    let router = Router::new()
        .route("/silent", get(|| async { std::future::pending::<()>().await }))
        .route("/stalled", get(stalled));
    let address = serve(router).await;
    let limits = Limits { whole: Duration::from_millis(200), ..LIMITS };
    let egress = Egress::with(insecure(), limits, Arc::new(SystemLookup));
    for path in ["silent", "stalled"] {
        let error = get_from(&egress, address.join(path).unwrap()).await.unwrap_err();
        assert_eq!(error.code(), "egress.slow", "{path}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = url(&format!("http://{}/?token=hunter2", listener.local_addr().unwrap()));
    drop(listener);
    let error = get_from(&Egress::new(insecure()), gone).await.unwrap_err();
    assert_eq!(error.code(), "egress.unreachable");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[tokio::test]
async fn it_says_who_asks_and_not_who_sent_it_there() {
    let seen = |asked: Asked| async move {
        let of = |name: header::HeaderName| {
            asked.headers().get(name).and_then(|value| value.to_str().ok().map(str::to_owned))
        };
        format!("{:?} {:?}", of(header::USER_AGENT), of(header::REFERER)).into_response()
    };
    let router = Router::new().route("/", get(|| async { Redirect::temporary("/seen") })).route("/seen", get(seen));
    let answer = get_from(&Egress::new(insecure()), serve(router).await).await.unwrap();
    let expected = format!("Some(\"dkube/{}\") None", env!("CARGO_PKG_VERSION"));
    assert_eq!(answer.body.as_ref(), expected.as_bytes());
}
