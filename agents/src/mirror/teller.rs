//! Telling: everything at first and whenever the server asks for it, then what changes.
use super::picture::{Cursor, Picture};
use crate::agent::Surroundings;
use bus::{
    clock::time_ordered_id,
    wire::{
        mirror::{Answer, MIRROR_MAX, Message},
        mirror_subject,
    },
};
use domain::{
    ClusterName,
    mirror::{Stream, Update},
};
use std::time::Duration;
use tokio::{sync::watch, time::Instant};
use uuid::Uuid;

/// How fast a cluster is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long what changes is gathered before it is told.
    pub gather: Duration,
    /// How often a sign of life is given, when nothing changes.
    pub sign_of_life: Duration,
    /// How long the server may take to answer.
    pub answer_within: Duration,
    /// How long to wait before a message that was not answered is sent again.
    pub retry: Duration,
    /// How long to wait before more than the server mirrors is told it again.
    pub refused: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            gather: Duration::from_millis(150),
            sign_of_life: Duration::from_secs(2),
            answer_within: Duration::from_secs(5),
            retry: Duration::from_millis(500),
            refused: Duration::from_secs(30),
        }
    }
}

/// The bytes that items may fill of a message: the rest is for what is around them, and for one item too many.
const FILL: usize = MIRROR_MAX / 2;

/// Tells the server of one cluster.
pub struct Teller {
    cluster: ClusterName,
    picture: Picture,
    around: Surroundings,
    pace: Pace,
    epoch: Uuid,
    sequence: u64,
    /// Since when the server does not answer, and whether that was said.
    failing: Option<(Instant, bool)>,
}

impl Teller {
    /// A teller of what this picture shows.
    pub fn new(cluster: ClusterName, picture: Picture, around: Surroundings, pace: Pace) -> Self {
        let epoch = time_ordered_id(around.clock.now(), &*around.entropy);
        Self { cluster, picture, around, pace, epoch, sequence: 0, failing: None }
    }

    /// Tells until `stop` says so or is dropped.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            // Who can't stop us any more is gone, and we with them.
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.tell() => {}
        }
    }

    async fn tell(&mut self) {
        loop {
            match self.everything().await {
                Answer::Taken => {}
                Answer::Resync => continue,
                Answer::Refused => {
                    tracing::warn!(cluster.name = %self.cluster, "the server does not take what is told of the cluster");
                    tokio::time::sleep(self.pace.refused).await;
                    continue;
                }
            }
            if self.changes().await == Answer::Refused {
                tracing::warn!(cluster.name = %self.cluster, "the server does not take a change of the cluster");
                tokio::time::sleep(self.pace.refused).await;
            }
        }
    }

    /// Tells all that there is, once all is seen.
    async fn everything(&mut self) -> Answer {
        match self.send(Update::Begin).await {
            Answer::Taken => {}
            other => return other,
        }
        while !self.picture.is_complete() {
            self.wait().await;
            let _ = self.picture.take_due(0);
            let answer = self.send(Update::SIGN_OF_LIFE).await;
            if answer != Answer::Taken {
                return answer;
            }
        }
        self.picture.forget_due();
        let mut cursor = Cursor::Nodes(None);
        loop {
            let (update, next) = self.picture.part(&cursor, FILL);
            let ended = update == Update::End;
            let answer = self.send(update).await;
            if ended || answer != Answer::Taken {
                return answer;
            }
            cursor = next;
        }
    }

    /// Tells what changes, until the server wants everything.
    async fn changes(&mut self) -> Answer {
        loop {
            self.wait().await;
            let mut update = self.picture.take_due(FILL).unwrap_or(Update::SIGN_OF_LIFE);
            loop {
                let answer = self.send(update).await;
                if answer != Answer::Taken {
                    return answer;
                }
                match self.picture.take_due(FILL) {
                    Some(more) => update = more,
                    None => break,
                }
            }
        }
    }

    /// Waits until there is something to tell, and a moment for more; or until a sign of life is due.
    async fn wait(&self) {
        if tokio::time::timeout(self.pace.sign_of_life, self.picture.changed()).await.is_ok() {
            tokio::time::sleep(self.pace.gather).await;
        }
    }

    /// Sends a message until it is answered.
    async fn send(&mut self, update: Update) -> Answer {
        self.sequence += 1;
        let stream = Stream { epoch: self.epoch, sequence: self.sequence };
        let mut message = Message { stream, link: self.picture.link(), update };
        let subject = mirror_subject(self.cluster.as_str());
        loop {
            let payload = match message.encode() {
                Ok(payload) => payload,
                Err(error) => {
                    tracing::error!(cluster.name = %self.cluster, %error, "a message can't be written");
                    return Answer::Refused;
                }
            };
            let answer = self.around.bus.request(&subject, payload, self.pace.answer_within).await;
            let answer = answer.map_err(|error| error.to_string());
            match answer.and_then(|bytes| Answer::decode(&bytes).map_err(|error| error.to_string())) {
                Ok(answer) => {
                    if let Some((since, true)) = self.failing.take() {
                        let outage_ms = since.elapsed().as_millis();
                        tracing::info!(cluster.name = %self.cluster, outage_ms, "the server answers again");
                    }
                    return answer;
                }
                Err(error) => {
                    let (since, said) = self.failing.get_or_insert_with(|| (Instant::now(), false));
                    // At a start, the server may be a moment later.
                    if since.elapsed() >= self.pace.answer_within && !std::mem::replace(said, true) {
                        tracing::warn!(cluster.name = %self.cluster, error, "the server does not answer: asking again");
                    }
                    tokio::time::sleep(self.pace.retry).await;
                    message.link = self.picture.link();
                }
            }
        }
    }
}
