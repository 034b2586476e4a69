//! Whether NATS lets the agent speak for its node, and whether a DKube server takes its reports.
//!
//! NATS says nothing of rights that were not tried: so each of the agent's subjects is asked on, in a way that no server takes for
//! a report, and the answer is waited for in the agent's own inbox. A refusal comes by another way than an answer does.
use super::{Found, LIMIT, Note, chain};
use crate::program::Settings;
use bus::{
    bus::{Bus, BusError, Connection, Nats},
    wire::{self, Kind, QUESTION, Reply},
};
use bytes::Bytes;
use domain::NodeName;

/// Whether NATS is reached, and the connection.
pub(super) async fn connect(settings: &Settings) -> Result<(NodeName, Nats), String> {
    let node = super::super::node(settings).map_err(|_| "not tried: the node has no name".to_owned())?;
    let url = &settings.nats.url;
    let nats = Nats::connect(&super::super::nats(settings, &node)).await.map_err(|error| chain(&error))?;
    let mut connection = Bus::Nats(nats.clone()).connection();
    if tokio::time::timeout(LIMIT, connection.wait_for(Connection::is_up)).await.is_ok_and(|up| up.is_ok()) {
        return Ok((node, nats));
    }
    let cause = match tokio::time::timeout(LIMIT, Nats::try_once(&super::super::nats(settings, &node))).await {
        Ok(Err(obstacle)) => chain(&obstacle),
        Ok(Ok(())) | Err(_) => format!("no answer in {} s", LIMIT.as_secs()),
    };
    Err(format!(
        "{url} can't be connected to ({cause}): see that it runs, is let through to, and knows these credentials, and that \
         its certificate is for this address and of an authority that is trusted here (--nats-ca)"
    ))
}

/// The subjects of an agent: of its telemetry, and of each kind of report.
const SUBJECTS: usize = 1 + Kind::ALL.len();

/// What became of a question.
enum Asked {
    Answered,
    /// NATS does not let it be asked, or answered.
    Refused(String),
    /// The server takes nothing of this node.
    Unwanted(String),
    /// Nobody listens.
    Nobody,
    /// It was neither answered nor refused in time, or by somebody else.
    Open(String),
}

/// Whether this agent may speak for its node, and is listened to.
pub(super) async fn listens(settings: &Settings, node: &NodeName, nats: &Nats) -> Found {
    let url = &settings.nats.url;
    // What does not know the question counts it as a frame that was damaged. As a report it would be recorded: so
    // nobody is asked there who did not answer here.
    let subjects = [wire::telemetry(node)].into_iter().chain(Kind::ALL.map(|kind| wire::agent(node, kind)));
    let mut answered = 0;
    for subject in subjects {
        match ask(nats, &subject).await {
            Asked::Answered => answered += 1,
            Asked::Refused(text) => {
                return Err(format!(
                    "{url} does not let these credentials speak for node {node} ({text}): give this agent its own key, \
                     which dkube nats-config has put into node-{node}.nk"
                ));
            }
            Asked::Unwanted(why) => return Err(format!("a DKube server answers, and takes no reports: {why}")),
            Asked::Open(text) => {
                return Ok(Note::Doubt(format!(
                    "something listens on {subject} of {url} and does not answer as a DKube server of this release \
                     does ({text}): whether a server takes reports is open"
                )));
            }
            Asked::Nobody => {}
        }
    }
    Ok(match answered {
        0 => Note::Doubt(format!(
            "no DKube server listens at {url}: until one does, the agent keeps what it finds. These credentials may speak \
             for node {node}"
        )),
        SUBJECTS => {
            Note::Good(format!("a DKube server answers, and takes reports of node {node} with these credentials"))
        }
        _ => Note::Doubt("a DKube server answers, and does not take all that an agent tells: see its log".to_owned()),
    })
}

async fn ask(nats: &Nats, subject: &str) -> Asked {
    let mut refusal = nats.refusal();
    refusal.mark_unchanged();
    let bus = Bus::Nats(nats.clone());
    let refused = async {
        // It changes for as long as the connection is there, which is here.
        let _ = refusal.changed().await;
        refusal.borrow().as_deref().unwrap_or_default().to_owned()
    };
    tokio::select! {
        refused = refused => Asked::Refused(refused),
        answer = bus.request(subject, Bytes::from_static(QUESTION), LIMIT) => match answer {
            Ok(bytes) => match Reply::decode(&bytes) {
                Ok(Reply::Taken { up_to: 0 } | Reply::Expected { next: 1 }) => Asked::Answered,
                Ok(Reply::Refused { detail, .. }) => Asked::Unwanted(detail),
                Ok(_) => Asked::Open("another answer came".to_owned()),
                Err(error) => Asked::Open(error.to_string()),
            },
            Err(BusError::NoResponder) => Asked::Nobody,
            Err(error) => Asked::Open(error.to_string()),
        },
    }
}
