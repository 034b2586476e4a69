//! One GPU in a session: what is kept of it from look to look.
use super::{
    calls::{Calls, Refusal, Unsupported},
    fields, fill,
    identity::Identity,
    profile, running,
    schedule::{Group, Schedule},
};
use crate::source::{Process, Readings, Sighting, State, processes::Owners};
use nvml_wrapper::{Device, GpmSample, error::NvmlError};
use std::time::Duration;

/// Whether a GPU answers.
#[derive(Debug)]
pub(super) enum Answering<'n> {
    Yes(Device<'n>),
    /// The driver has lost it.
    Lost,
    /// It said nothing when it was asked what it is.
    Silent,
}

#[derive(Debug)]
pub(super) struct Card<'n> {
    pub(super) identity: Identity,
    pub(super) answering: Answering<'n>,
    /// Its last readings: those that are not asked at every look hold until they are.
    readings: Readings,
    schedule: Schedule,
    unsupported: Unsupported,
    sample: Option<GpmSample<'n>>,
    processes: Option<Vec<Process>>,
}

impl<'n> Card<'n> {
    pub(super) fn new(identity: Identity, answering: Answering<'n>) -> Self {
        Self {
            identity,
            answering,
            readings: Readings::default(),
            schedule: Schedule::default(),
            unsupported: Unsupported::new(),
            sample: None,
            processes: None,
        }
    }

    /// The same GPU, asked again what it is. One that is divided otherwise may support other things than before.
    pub(super) fn renewed(self, identity: Identity, device: Device<'n>) -> Self {
        let same = self.identity.instances == identity.instances && matches!(self.answering, Answering::Yes(_));
        let answering = Answering::Yes(device);
        if same { Self { identity, answering, ..self } } else { Self::new(identity, answering) }
    }

    pub(super) const fn is_lost(&self) -> bool {
        matches!(self.answering, Answering::Lost)
    }

    /// Looks at it once; with `owners`, at what runs on it as well.
    ///
    /// # Errors
    /// The session is over.
    pub(super) fn look(&mut self, now: Duration, owners: Option<&mut Owners>) -> Result<Sighting, NvmlError> {
        let state = self.read(now, owners)?;
        if !matches!(state, State::Read(_)) {
            self.processes = None;
        }
        let Identity { device, slot, model, memory_bytes, index, minor, instances } = self.identity.clone();
        Ok(Sighting {
            device,
            slot,
            model,
            memory_bytes,
            index,
            minor,
            instances,
            processes: self.processes.clone(),
            state,
        })
    }

    fn read(&mut self, now: Duration, owners: Option<&mut Owners>) -> Result<State, NvmlError> {
        let device = match &self.answering {
            Answering::Yes(device) => device,
            Answering::Lost => return Ok(State::Lost),
            Answering::Silent => return Ok(State::Unreadable),
        };
        let mut calls = Calls::new(&mut self.unsupported);
        let readings = &mut self.readings;
        fill::fast(device, &mut calls, readings);
        fields::read(device, &mut calls, self.schedule.is_due(Group::Counters, now), readings);
        readings.profile = profile::read(device, &mut calls, &mut self.sample);
        for group in Group::ALL {
            if self.schedule.is_due(group, now) {
                let silent = calls.silent;
                fill::slow(group, device, &mut calls, readings);
                self.schedule.asked(group, now, calls.silent == silent);
            }
        }
        if let Some(owners) = owners {
            self.processes = running::read(device, &mut calls, owners);
        }
        fields::conclude(&calls, readings);
        let mute = calls.answered == 0 && calls.silent > 0;
        match calls.stopped {
            Some(error) if Refusal::from(&error) == Refusal::Lost => {
                self.answering = Answering::Lost;
                self.sample = None;
                Ok(State::Lost)
            }
            Some(error) => Err(error),
            None if mute => Ok(State::Unreadable),
            None => Ok(State::Read(Box::new(readings.clone()))),
        }
    }
}
