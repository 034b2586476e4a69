//! The server's side of cluster agents: takes what they mirror, hands it to whoever keeps it, and answers.
//!
//! Nothing of it is recorded, so nothing waits for the disk. Whose a message is says the subject that it came on.
use crate::{
    bus::{Bus, BusError, Message as Incoming, Subscription},
    wire::{
        self, MIRRORS,
        mirror::{Answer, Message},
    },
};
use domain::ClusterName;
use std::sync::Arc;
use tokio::{sync::watch, task::JoinHandle};

/// Where what is mirrored is kept.
pub trait Mirrors: Send + Sync + 'static {
    /// Takes a message, and says what to answer. Never waits.
    fn take(&self, cluster: ClusterName, message: Message) -> Answer;
}

/// Takes what is mirrored from when it is started until it is stopped.
#[derive(Debug)]
pub struct MirrorIntake {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl MirrorIntake {
    /// Begins to listen. Once this returns, messages are taken.
    ///
    /// # Errors
    /// The bus can't be listened to.
    pub async fn start(bus: &Bus, mirrors: Arc<dyn Mirrors>) -> Result<Self, BusError> {
        let messages = bus.subscribe(MIRRORS).await?;
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(run(messages, mirrors, stopped));
        Ok(Self { stop, running })
    }

    /// Takes no more.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.running.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the intake of mirrors failed");
        }
    }
}

async fn run(mut messages: Subscription, mirrors: Arc<dyn Mirrors>, mut stop: watch::Receiver<bool>) {
    let mut complained = false;
    loop {
        let message = tokio::select! {
            biased;
            // A dropped handle stops it too.
            _ = stop.wait_for(|stop| *stop) => return,
            message = messages.next() => message,
        };
        let Some(Incoming { subject, payload, reply, .. }) = message else { return };
        let Some(cluster) = wire::mirror_of(&subject) else {
            tracing::debug!("a message came on a subject that names no cluster");
            continue;
        };
        let answer = match Message::decode(&payload) {
            Ok(message) => mirrors.take(cluster, message),
            Err(error) => {
                // Its sender may go on for ever.
                if !std::mem::replace(&mut complained, true) {
                    tracing::warn!(cluster.name = %cluster, %error, "a message of a cluster agent can't be read: said once");
                }
                Answer::Refused
            }
        };
        let Some(way) = reply else { continue };
        let Ok(bytes) = answer.encode() else { continue };
        if let Err(error) = way.send(bytes).await {
            tracing::debug!(%error, "a cluster agent could not be answered: it asks again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        Timestamp,
        mirror::{Link, Stream, Update},
    };
    use std::{sync::Mutex, time::Duration};
    use uuid::Uuid;

    #[derive(Default)]
    struct Kept(Mutex<Vec<(ClusterName, Message)>>);

    impl Mirrors for Kept {
        fn take(&self, cluster: ClusterName, message: Message) -> Answer {
            self.0.lock().unwrap().push((cluster, message));
            Answer::Resync
        }
    }

    #[tokio::test]
    async fn messages_are_handed_on_and_answered_and_damaged_ones_refused() {
        let (bus, kept) = (Bus::in_process(), Arc::new(Kept::default()));
        let intake = MirrorIntake::start(&bus, kept.clone()).await.unwrap();
        let link = Link { connected: true, since: Timestamp::from_micros(0), error: None, claims: false };
        let message = Message { stream: Stream { epoch: Uuid::nil(), sequence: 1 }, link, update: Update::Begin };
        let ask = async |bytes| {
            let answer = bus.request("dkube.cluster.east.mirror", bytes, Duration::from_secs(5)).await.unwrap();
            Answer::decode(&answer).unwrap()
        };
        assert_eq!(ask(message.encode().unwrap()).await, Answer::Resync);
        assert_eq!(ask(b"\x01nonsense"[..].into()).await, Answer::Refused);
        assert_eq!(*kept.0.lock().unwrap(), [("east".parse().unwrap(), message)]);
        intake.stop().await;
        let gone = bus.request("dkube.cluster.east.mirror", bytes::Bytes::new(), Duration::from_secs(5)).await;
        assert_eq!(gone, Err(BusError::NoResponder));
    }
}
