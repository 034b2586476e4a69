//! Frames that come in, into what is kept of them.
use bus::{clock::Clock, intake::Sink};
use domain::telemetry::Frame;
use projections::{Live, Telemetry};
use std::sync::Arc;

/// Takes the frames of registered nodes, and of each the devices that the cluster knows to be on it.
pub(crate) struct Measured {
    pub(crate) telemetry: Telemetry,
    pub(crate) live: Live,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Sink for Measured {
    fn frame(&self, mut frame: Frame) {
        {
            let reading = self.live.read();
            let cluster = reading.state().cluster();
            if cluster.node(&frame.node).is_none_or(|node| node.retired) {
                return;
            }
            // What is another node's can't be told here, whoever claims it.
            let own = |id| cluster.device(id).is_some_and(|device| device.node == frame.node);
            frame.devices.retain(|device| own(device.device));
            // A list that is not whole would make what is left out look gone.
            if frame.processes.iter().flatten().any(|process| !own(process.device)) {
                frame.processes = None;
            }
        }
        self.telemetry.take(&frame, self.clock.now());
    }
}
