use super::*;
use futures::FutureExt;

const LIMIT: Duration = Duration::from_secs(5);

fn payload(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn heard(subscription: &mut Subscription) -> (String, Bytes) {
    let message = tokio::time::timeout(LIMIT, subscription.next()).await.unwrap().unwrap();
    (message.subject, message.payload)
}

#[tokio::test]
async fn messages_reach_those_who_listen_in_order() {
    let bus = Bus::in_process();
    bus.publish("a.b", Headers::new(), payload("nobody listens yet")).await.unwrap();
    let mut narrow = bus.subscribe("a.b").await.unwrap();
    let mut wide = bus.subscribe("a.>").await.unwrap();
    let mut headers = Headers::new();
    headers.push("ce-id", "7");
    bus.publish("a.b", headers.clone(), payload("1")).await.unwrap();
    bus.publish("a.c", Headers::new(), payload("2")).await.unwrap();
    let first = narrow.next().await.unwrap();
    assert_eq!((first.headers, first.payload), (headers, payload("1")));
    assert_eq!(heard(&mut wide).await, ("a.b".to_owned(), payload("1")));
    assert_eq!(heard(&mut wide).await, ("a.c".to_owned(), payload("2")));
    assert!(narrow.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_slow_subscriber_loses_what_is_counted_and_holds_nobody_up() {
    let bus = Bus::in_process();
    let mut slow = bus.subscribe("a").await.unwrap();
    for nth in 0..QUEUE + 3 {
        bus.publish("a", Headers::new(), payload(&nth.to_string())).await.unwrap();
    }
    assert_eq!(bus.lost(), 3);
    for nth in 0..QUEUE {
        assert_eq!(heard(&mut slow).await.1, payload(&nth.to_string()));
    }
    assert!(slow.next().now_or_never().is_none());
}

#[tokio::test]
async fn one_answers_a_request() {
    let bus = Bus::in_process();
    assert_eq!(bus.request("a.b", payload("?"), LIMIT).await, Err(BusError::NoResponder));
    let mut subscription = bus.subscribe("a.*").await.unwrap();
    let answers = async {
        let message = subscription.next().await.unwrap();
        assert_eq!(message.payload, payload("?"));
        message.reply.unwrap().send(payload("!")).await
    };
    let (answer, answered) = tokio::join!(bus.request("a.b", payload("?"), LIMIT), answers);
    assert_eq!((answer, answered), (Ok(payload("!")), Ok(())));
}

#[tokio::test]
async fn a_request_that_is_dropped_or_late_is_unanswered() {
    let bus = Bus::in_process();
    let mut subscription = bus.subscribe("a").await.unwrap();
    let drops = async { drop(subscription.next().await) };
    let (answer, ()) = tokio::join!(bus.request("a", payload("?"), LIMIT), drops);
    assert_eq!(answer, Err(BusError::Unanswered));
    assert_eq!(bus.request("a", payload("?"), Duration::from_millis(1)).await, Err(BusError::Unanswered));
    // Who asked has gone: the answer goes nowhere, which is no error.
    assert_eq!(subscription.next().await.unwrap().reply.unwrap().send(payload("!")).await, Ok(()));
}

#[tokio::test]
async fn a_dropped_subscription_is_gone() {
    let Bus::InProcess(bus) = Bus::in_process() else { panic!("another bus") };
    let subscription = bus.subscribe("a.*").unwrap();
    assert!(bus.listens("a.b") && !bus.listens("a"));
    drop(subscription);
    assert!(!bus.listens("a.b"));
}

#[tokio::test]
async fn what_nats_would_refuse_is_refused() {
    let bus = Bus::in_process();
    let publish = async |subject: &str, headers: Headers, size: usize| {
        bus.publish(subject, headers, vec![0; size].into()).await.unwrap_err()
    };
    assert_eq!(publish("a.*", Headers::new(), 0).await, BusError::Pattern(PatternError::Wildcard));
    assert_eq!(
        publish("a", Headers::new(), PAYLOAD_MAX + 1).await,
        BusError::TooLarge { size: PAYLOAD_MAX + 1, limit: PAYLOAD_MAX }
    );
    for (name, value) in [("a:b", "x"), ("a", "x\r\ny"), ("", "x"), ("ä", "x"), ("a b", "x")] {
        let mut headers = Headers::new();
        headers.push(name, value);
        assert_eq!(publish("a", headers, 0).await, BusError::Header, "{name:?} {value:?}");
    }
    assert!(bus.subscribe("a.>.b").await.is_err());
    assert!(bus.connection().borrow().is_up());
}
