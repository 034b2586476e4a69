//! The server's side of telemetry: takes frames from the bus, checks whose they are, and hands them on. Lossy: what finds
//! no room is dropped and counted.
use super::{Gauges, Standing, question::Question};
use crate::{
    bus::{Bus, BusError, Message},
    wire::{self, AGENTS_TELEMETRY, Speaker},
};
use domain::telemetry::Frame;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};

/// Where frames go.
pub trait Sink: Send + Sync + 'static {
    /// A frame came in, by its node's own word at the time that it says.
    fn frame(&self, frame: Frame);
}

/// What was done with frames, counted since the server's start.
#[derive(Debug, Default)]
pub struct FrameCounters {
    /// Frames that were taken.
    pub taken: AtomicU64,
    /// Samples of devices in them.
    pub samples: AtomicU64,
    /// Frames that could not be read.
    pub malformed: AtomicU64,
    /// Frames that came on another node's subject than they say.
    pub forged: AtomicU64,
    /// Frames of an agent whose node another has.
    pub second: AtomicU64,
    /// Questions whether a server listens, which are no frames.
    pub asked: AtomicU64,
}

impl FrameCounters {
    /// Each count with its name.
    pub fn counts(&self) -> [(&'static str, u64); 6] {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("taken", of(&self.taken)),
            ("samples", of(&self.samples)),
            ("malformed", of(&self.malformed)),
            ("forged", of(&self.forged)),
            ("second", of(&self.second)),
            ("asked", of(&self.asked)),
        ]
    }
}

/// Takes frames until it is dropped.
#[derive(Debug)]
pub struct TelemetryIntake {
    _stop: watch::Sender<()>,
    _running: JoinHandle<()>,
}

impl TelemetryIntake {
    /// Begins to listen.
    ///
    /// # Errors
    /// The bus can't be listened to.
    pub async fn start(
        bus: &Bus,
        sink: Arc<dyn Sink>,
        gauges: Gauges,
        counters: Arc<FrameCounters>,
    ) -> Result<Self, BusError> {
        let mut frames = bus.subscribe(AGENTS_TELEMETRY).await?;
        let (stop, mut stopped) = watch::channel(());
        let running = tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    _ = stopped.changed() => return,
                    message = frames.next() => message,
                };
                let Some(mut message) = message else { return };
                let sender = wire::telemetry_of(&message.subject);
                if let Some(question) = sender.and_then(|node| Question::of(&mut message, &node)) {
                    counters.asked.fetch_add(1, Ordering::Relaxed);
                    question.answer(&gauges.wishes).await;
                    continue;
                }
                if let Some(frame) = take(&message, &gauges, &counters) {
                    sink.frame(frame);
                }
            }
        });
        Ok(Self { _stop: stop, _running: running })
    }
}

/// The frame, if it can be read, is its sender's own, and no other agent has the node.
fn take(message: &Message, gauges: &Gauges, counters: &FrameCounters) -> Option<Frame> {
    let count = |counter: &AtomicU64, by: u64| {
        counter.fetch_add(by, Ordering::Relaxed);
    };
    let sender = wire::telemetry_of(&message.subject);
    match (wire::decode_frame(&message.payload), sender) {
        (Ok(frame), Some(sender)) if frame.node == sender => {
            gauges.heard.mark(&sender);
            let speaker = Speaker { run: frame.run, boot_id: Arc::clone(&frame.boot_id) };
            let within = Duration::from_millis(frame.within_millis.into());
            if gauges.holders.hear(&sender, &speaker, frame.life, Some(within)) != Standing::Holds {
                count(&counters.second, 1);
                return None;
            }
            count(&counters.taken, 1);
            count(&counters.samples, frame.devices.len() as u64 * u64::from(frame.samples));
            Some(frame)
        }
        (Ok(_), Some(sender)) => {
            count(&counters.forged, 1);
            tracing::debug!(node.name = %sender, "a frame says that it is another node's");
            None
        }
        (Err(_), _) | (Ok(_), None) => {
            count(&counters.malformed, 1);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bus::Headers, wire::Reply};
    use bytes::Bytes;
    use domain::{AgentRun, Incarnation, Timestamp};
    use std::sync::Mutex;
    use tokio::sync::mpsc;
    use uuid::Uuid;

    struct Kept(Mutex<mpsc::UnboundedSender<Frame>>);

    impl Sink for Kept {
        fn frame(&self, frame: Frame) {
            self.0.lock().unwrap().send(frame).unwrap();
        }
    }

    fn frame(node: &str, run: u128, sequence: u64) -> Frame {
        Frame {
            node: node.parse().unwrap(),
            boot_id: format!("b{run}").into(),
            run: AgentRun(Uuid::from_u128(run)),
            life: Incarnation(Uuid::from_u128(run)),
            within_millis: 10_000,
            sequence,
            sampled_at: Timestamp::default(),
            step_millis: 1000,
            samples: 1,
            devices: vec![],
            processes: None,
        }
    }

    #[tokio::test]
    async fn only_good_frames_of_their_own_node_are_taken() {
        let (bus, gauges, counters) = (Bus::in_process(), Gauges::default(), Arc::new(FrameCounters::default()));
        let (sender, mut frames) = mpsc::unbounded_channel();
        let sink = Arc::new(Kept(Mutex::new(sender)));
        let _intake = TelemetryIntake::start(&bus, sink, gauges.clone(), counters.clone()).await.unwrap();
        let send = async |subject: &str, payload: Bytes| bus.publish(subject, Headers::new(), payload).await.unwrap();
        send("dkube.telemetry.b", wire::encode_frame(&frame("a", 1, 0)).unwrap()).await;
        send("dkube.telemetry.a", Bytes::from_static(b"\x01nonsense")).await;
        send("dkube.telemetry.a", Bytes::from_static(b"\xc8")).await;
        send("dkube.telemetry.c", Bytes::from_static(wire::QUESTION)).await;
        let question = bus.request("dkube.telemetry.c", Bytes::from_static(wire::QUESTION), Duration::from_secs(10));
        assert_eq!(Reply::decode(&question.await.unwrap()), Ok(Reply::Taken { up_to: 0 }));
        for (run, sequence) in [(1, 7), (2, 8), (1, 9)] {
            send("dkube.telemetry.a", wire::encode_frame(&frame("a", run, sequence)).unwrap()).await;
        }
        for sequence in [7, 9] {
            let taken = tokio::time::timeout(Duration::from_secs(10), frames.recv()).await.unwrap().unwrap();
            assert_eq!(taken.sequence, sequence, "the second agent's is left out");
        }
        assert_eq!(counters.counts().map(|(_, count)| count), [2, 0, 3, 1, 1, 1]);
        let heard = &gauges.heard;
        assert!(heard.last(&"a".parse().unwrap()).is_some());
        for other in ["b", "c"] {
            assert!(heard.last(&other.parse().unwrap()).is_none(), "{other}: what is no frame is no sign of life");
        }
    }
}
