//! Connections: their bounds, and their end.
use crate::http::{
    HttpSettings, serve,
    testing::{Act, CHEAP, Fixture},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

const LIMIT: Duration = Duration::from_secs(20);

async fn running(fixture: &Fixture) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (router, settings) = (fixture.router.clone(), fixture.app.settings().clone());
    let server = tokio::spawn(async move {
        let shutdown = async move { drop(stopped.await) };
        serve(listener, router, &settings, shutdown).await
    });
    (address, stop, server)
}

async fn ask(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// All that comes until the connection ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = vec![];
    let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut bytes)).await.expect("the connection ends in time");
    // Closed without a word is as good as closed with one.
    drop(read);
    String::from_utf8(bytes).unwrap()
}

fn settings() -> HttpSettings {
    HttpSettings { password_cost: CHEAP, ..HttpSettings::default() }
}

#[tokio::test]
async fn what_is_in_flight_finishes_and_streams_end() {
    let fixture = Fixture::with(settings()).await;
    let token = fixture.operator().await;
    let (address, stop, server) = running(&fixture).await;
    let head = |method: &str, path: &str| {
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n")
    };
    let mut stream = ask(address, &head("GET", "/v1/events?after=0")).await;
    let idle = TcpStream::connect(address).await.unwrap();
    let mut told = String::new();
    while !told.contains("io.dkube.ClusterFounded") {
        let mut chunk = vec![0; 4096];
        let read = tokio::time::timeout(LIMIT, stream.read(&mut chunk)).await.expect("events in time").unwrap();
        assert!(read > 0, "{told}");
        told.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
    }
    assert!(told.starts_with("HTTP/1.1 200"), "{told}");
    fixture.stop.send_replace(true);
    stop.send(()).unwrap();
    tokio::time::timeout(LIMIT, server).await.expect("it stops in time").unwrap().unwrap();
    assert!(rest(stream).await.ends_with("0\r\n\r\n"), "the stream ends, and is not cut off");
    assert_eq!(rest(idle).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_does_not_finish_is_broken_off() {
    let shutdown_timeout = Duration::from_millis(50);
    let fixture = Fixture::with(HttpSettings { shutdown_timeout, ..settings() }).await;
    let token = fixture.operator().await;
    let (address, stop, server) = running(&fixture).await;
    fixture.engine.next(Act::Hang);
    let request = format!("DELETE /v1/pools/a HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let stream = ask(address, &request).await;
    while fixture.app.requests.available_permits() == fixture.app.settings().requests_max {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    tokio::time::timeout(LIMIT, server).await.expect("it stops in time").unwrap().unwrap();
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn slow_heads_and_slow_bodies_are_not_waited_for() {
    let read_timeout = Duration::from_secs(1);
    let fixture = Fixture::with(HttpSettings { read_timeout, ..settings() }).await;
    let token = fixture.operator().await;
    let (address, _stop, _server) = running(&fixture).await;
    let head = ask(address, "GET /livez HTTP/1.1\r\nhost: x\r\n").await;
    assert!(!rest(head).await.starts_with("HTTP/1.1 200"));
    let request = format!(
        "POST /v1/pools HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    let mut body = ask(address, &request).await;
    let mut told = vec![0; 16];
    tokio::time::timeout(LIMIT, body.read_exact(&mut told)).await.expect("an answer in time").unwrap();
    assert_eq!(std::str::from_utf8(&told).unwrap(), "HTTP/1.1 408 Req");
}

/// A connection from an address of this machine.
async fn from(own: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((own, 0))).unwrap();
    socket.connect(address).await.unwrap()
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut told = vec![0; 12];
    tokio::time::timeout(LIMIT, stream.read_exact(&mut told)).await.expect("an answer in time").unwrap();
    String::from_utf8(told).unwrap()
}

#[tokio::test]
async fn one_address_that_sends_half_bodies_keeps_nobody_else_out() {
    let fixture = Fixture::with(HttpSettings { requests_per_address_max: 3, ..settings() }).await;
    let (address, _stop, _server) = running(&fixture).await;
    let half = "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let mut slow = vec![];
    for n in 1..=3 {
        let mut stream = from([127, 0, 0, 1], address).await;
        stream.write_all(half.as_bytes()).await.unwrap();
        slow.push(stream);
        let free = fixture.app.settings().requests_max - n;
        tokio::time::timeout(LIMIT, async {
            while fixture.app.requests.available_permits() != free {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("each is under way");
    }
    let ask = async |own, path: &str| {
        let mut stream = from(own, address).await;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        first_line(&mut stream).await
    };
    assert_eq!(ask([127, 0, 0, 1], "/problems").await, "HTTP/1.1 429");
    assert_eq!(ask([127, 0, 0, 1], "/livez").await, "HTTP/1.1 200", "who watches the server gets through");
    assert_eq!(ask([127, 0, 0, 2], "/problems").await, "HTTP/1.1 200");
    drop(slow);
    tokio::time::timeout(LIMIT, async { while ask([127, 0, 0, 1], "/problems").await != "HTTP/1.1 200" {} })
        .await
        .expect("who breaks off gives back");
}

#[tokio::test]
async fn beyond_the_limit_of_all_a_connection_is_closed_at_once() {
    closes_the_second(HttpSettings { connections_max: 1, ..settings() }).await;
}

#[tokio::test]
async fn beyond_the_limit_of_its_address_a_connection_is_closed_at_once() {
    closes_the_second(HttpSettings { connections_per_address_max: 1, ..settings() }).await;
}

async fn closes_the_second(settings: HttpSettings) {
    let fixture = Fixture::with(settings).await;
    let (address, _stop, _server) = running(&fixture).await;
    let mut first = ask(address, "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut told = vec![0; 12];
    tokio::time::timeout(LIMIT, first.read_exact(&mut told)).await.expect("an answer in time").unwrap();
    assert_eq!(std::str::from_utf8(&told).unwrap(), "HTTP/1.1 200");
    let second = TcpStream::connect(address).await.unwrap();
    assert_eq!(rest(second).await, "");
}
