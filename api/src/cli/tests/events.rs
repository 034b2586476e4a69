use crate::cli::testing::{Played, Player, json, text};
use serde_json::{Value, json as value};

fn overview(position: u64) -> Played {
    json(200, &value!({})).with("dkube-position", &position.to_string())
}

fn event(position: u64, name: &str) -> String {
    let document = value!({"specversion": "1.0", "id": position.to_string(), "source": "/dkube", "type": name,
        "subject": "pool/p", "time": "2026-03-01T12:00:00.000001Z", "dkubeposition": position, "data": {"name": "p"}});
    format!("id: {position}\ndata: {document}\n\n")
}

fn stream(text_of: &str) -> Played {
    text(200, "text/event-stream", text_of.to_owned())
}

fn positions(out: &str) -> Vec<u64> {
    let position = |line: &str| serde_json::from_str::<Value>(line).unwrap()["dkubeposition"].as_u64().unwrap();
    out.lines().map(position).collect()
}

#[tokio::test]
async fn a_broken_stream_is_resumed_and_each_event_is_printed_once() {
    let first = [event(1, "PoolCreated"), event(2, "DeviceAssigned"), "id: 3\ndata: {\"cut".to_owned()].concat();
    // The server repeats one, as it may after a break.
    let second = [": still here\n\n".to_owned(), event(2, "DeviceAssigned"), event(3, "PoolDeleted")].concat();
    let server = Player::of([overview(4), stream(&first), stream(&second), stream(&event(4, "PoolCreated"))]).await;
    let ran = server.run(&["-o", "json", "events", "--after", "0"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(positions(&ran.out), [1, 2, 3, 4]);
    let asked = server.asked();
    assert_eq!(asked[1].line, "GET /v1/events?after=0");
    assert_eq!(asked[1].header("last-event-id"), "");
    assert_eq!(asked[2].header("last-event-id"), "2");
    assert_eq!(asked[3].header("last-event-id"), "3");
    assert_eq!(
        ran.err,
        "the stream of events broke: waiting for the server\nthe server is back: going on behind position 2\n\
         the stream of events broke: waiting for the server\nthe server is back: going on behind position 3\n"
    );
}

#[tokio::test]
async fn a_heartbeat_moves_the_place_to_resume_at() {
    let first = [event(1, "PoolCreated"), "id: 5\n: alive\n\n".to_owned()].concat();
    let gone = json(403, &value!({"code": "auth.forbidden", "detail": "no"}));
    let server = Player::of([overview(0), stream(&first), gone]).await;
    let ran = server.run(&["-o", "json", "events", "--follow", "--after", "0", "--type", "PoolCreated"]).await;
    assert_eq!(positions(&ran.out), [1], "{ran:?}");
    assert_eq!(server.asked()[2].header("last-event-id"), "5");
}

#[tokio::test]
async fn without_following_it_ends_at_what_was_recorded_when_it_began() {
    let all = [event(1, "PoolCreated"), event(2, "DeviceAssigned"), event(3, "PoolDeleted")].concat();
    let server = Player::of([overview(2), stream(&all), overview(0)]).await;
    let ran = server.run(&["events", "--type", "PoolCreated"]).await;
    assert_eq!(ran.out, "       1  2026-03-01 12:00:00 UTC  PoolCreated               pool/p\n", "{ran:?}");
    let ran = server.run(&["events"]).await;
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert_eq!(server.asked().len(), 3, "an empty log needs no stream");
}

#[tokio::test]
async fn following_begins_now_and_ends_when_it_is_not_allowed_any_more() {
    let refused = json(401, &value!({"code": "auth.invalid", "detail": "the sign-in is not valid any more"}));
    let server = Player::of([overview(7), stream(&event(8, "PoolCreated")), refused]).await;
    let ran = server.run(&["-o", "json", "events", "--follow", "--type", "PoolCreated", "--type", "PoolDeleted"]).await;
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(positions(&ran.out), [8]);
    assert_eq!(server.lines()[1], "GET /v1/events?after=7&types=PoolCreated%2CPoolDeleted");
}

#[tokio::test]
async fn a_follower_waits_for_the_server_to_come_back() {
    let away = || json(503, &value!({"code": "server.stopping", "detail": "the server is stopping"}));
    let gone = json(403, &value!({"code": "auth.forbidden", "detail": "no"}));
    let mut answers = vec![overview(0), stream(&event(1, "PoolCreated"))];
    answers.extend((0..6).map(|_| away()));
    answers.extend([stream(&event(2, "PoolDeleted")), gone]);
    let server = Player::of(answers).await;
    let ran = server.run(&["-o", "json", "--retries", "1", "events", "--follow", "--after", "0"]).await;
    assert_eq!(positions(&ran.out), [1, 2], "{ran:?}");
    assert_eq!(ran.err.matches("waiting for the server").count(), 2, "{ran:?}");
    assert!(ran.err.contains("the server is back: going on behind position 1\n"), "{ran:?}");
    assert_eq!(ran.code, 4);
}

#[tokio::test]
async fn a_server_that_streams_nothing_is_not_asked_for_ever() {
    let server = Player::of([overview(1), stream(""), stream(""), stream(""), stream("")]).await;
    let ran = server.run(&["--retries", "2", "events"]).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(server.asked().len(), 4);
}
