//! How a device is named on the command line: by its UUID, by the beginning of it, or by where it is: `node/index` or
//! `node/slot`.
use super::{
    args::Read,
    beginning::{self, SHORTEST},
    call::Call,
    context::Context,
    error::CliError,
    page,
};
use domain::{
    NodeName,
    device::{DeviceId, Slot},
};
use serde_json::Value;
use std::str::FromStr;
use uuid::Uuid;

/// A device as somebody names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its whole UUID.
    Whole(DeviceId),
    /// By the beginning of its UUID, with `GPU-`.
    Beginning(String),
    /// By where it is now.
    At(NodeName, Place),
}

/// Where on its node a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Its number in the driver's order.
    Index(u32),
    /// Its PCI bus id.
    Slot(Slot),
}

impl FromStr for Named {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((node, place)) = text.split_once('/') {
            let node = node.parse::<NodeName>().map_err(|error| error.to_string())?;
            let index = place.parse().map(Place::Index).ok();
            let place = index.or_else(|| place.parse().map(Place::Slot).ok());
            let place = place.ok_or("behind node/ stands a device's index, as 3, or its slot, as 00000000:B3:00.0")?;
            return Ok(Self::At(node, place));
        }
        let rest = text.strip_prefix("GPU-").unwrap_or(text);
        match text.parse() {
            Ok(id) => Ok(Self::Whole(id)),
            Err(error) => beginning::parse(rest).map(|rest| Self::Beginning(format!("GPU-{rest}"))).ok_or_else(|| {
                format!("{error}, or the first {SHORTEST} or more characters of it, or node/index or node/slot")
            }),
        }
    }
}

impl Named {
    /// The UUID, among the devices that there were at the moment that is looked at. A place is looked up at present.
    ///
    /// # Errors
    /// It names no device, or several.
    pub(super) async fn id(self, context: &Context<'_>, read: &Read) -> Result<String, CliError> {
        let call = Call::get(["devices"]);
        let (call, most) = match &self {
            Self::Whole(id) => return Ok(id.to_string()),
            // They are listed in the order of their UUIDs: whatever begins so comes first.
            Self::Beginning(beginning) => {
                let call = read.apply(call).query_some("after", before(beginning)?.as_deref());
                (call, Some(beginning::CANDIDATES + 1))
            }
            Self::At(node, _) => (call.query("node", node), None),
        };
        self.among(&page::gather(&context.client, call, "items", most).await?.items)
    }

    /// The UUIDs of several, among the devices that there are.
    ///
    /// # Errors
    /// One names no device, or several.
    pub(super) async fn ids(several: Vec<Self>, context: &Context<'_>) -> Result<Vec<String>, CliError> {
        let mut ids = vec![];
        for named in several {
            ids.push(named.id(context, &Read::default()).await?);
        }
        Ok(ids)
    }

    fn among(self, devices: &[Value]) -> Result<String, CliError> {
        match self {
            Self::Whole(id) => Ok(id.to_string()),
            Self::Beginning(beginning) => {
                let ids = devices.iter().filter_map(|one| Some((one["uuid"].as_str()?, one["node"].as_str()?)));
                beginning::only(&beginning, &format!("no device's UUID begins with {beginning}"), "devices", ids)
            }
            Self::At(node, place) => at(devices, &node, place),
        }
    }
}

/// The last UUID before those that begin so; none, if there is none.
///
/// # Errors
/// No UUID begins so.
fn before(beginning: &str) -> Result<Option<String>, CliError> {
    let zeros = Uuid::nil().to_string();
    let rest = beginning.trim_start_matches("GPU-");
    let first = format!("{rest}{}", zeros.get(rest.len()..).unwrap_or_default()).parse::<Uuid>();
    let first = first.map_err(|_| CliError::Usage(format!("no UUID begins with {beginning}")))?;
    let last = first.as_u128().checked_sub(1);
    Ok(last.map(|last| DeviceId::from_uuid(Uuid::from_u128(last)).to_string()))
}

/// The device there: rather one that is there now than one that is missing, and rather that than one that is retired.
fn at(devices: &[Value], node: &NodeName, place: Place) -> Result<String, CliError> {
    let fits = |device: &&Value| {
        let there = match place {
            Place::Index(index) => device["index"] == index,
            Place::Slot(slot) => device["slot"] == slot.to_string(),
        };
        there && device["node"] == node.as_str()
    };
    let fitting: Vec<&Value> = devices.iter().filter(fits).collect();
    let so = |presence: &str| fitting.iter().copied().filter(|one| one["presence"] == presence).collect::<Vec<_>>();
    let found = ["present", "missing", "retired"].map(so).into_iter().find(|found| !found.is_empty());
    let ids: Vec<&str> = found.iter().flatten().filter_map(|device| device["uuid"].as_str()).collect();
    match (ids.as_slice(), place) {
        ([id], _) => Ok((*id).to_owned()),
        ([], Place::Slot(slot)) => Err(CliError::Usage(format!("no device is in slot {slot} of node {node}"))),
        ([], Place::Index(index)) => Err(CliError::Usage(format!(
            "no device of node {node} is known to have index {index}: its agent tells it with what it measures"
        ))),
        (several, _) => Err(CliError::Usage(format!("these devices were there last: {}", several.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c";

    #[test]
    fn a_device_is_named_by_its_uuid_or_the_beginning_of_it_or_its_place() {
        assert_eq!(ID.parse(), Ok(Named::Whole(ID.parse().unwrap())));
        for text in ["4F1C0", "4f1c0", "GPU-4f1c0"] {
            assert_eq!(text.parse(), Ok(Named::Beginning("GPU-4f1c0".to_owned())));
        }
        let node: NodeName = "sim-1".parse().unwrap();
        assert_eq!("sim-1/3".parse(), Ok(Named::At(node.clone(), Place::Index(3))));
        let slot = "00000000:B3:00.0".parse().unwrap();
        assert_eq!("sim-1/0000:b3:00".parse(), Ok(Named::At(node, Place::Slot(slot))));
        for bad in ["", "GPU-", "GPU-4f1", "4f1", "gpu-4f1c", "sim-1/", "sim-1/x", "/3", "GPU-4f1c0g"] {
            assert!(bad.parse::<Named>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_begins_so_comes_right_behind() {
        let last = "GPU-4f1bffff-ffff-ffff-ffff-ffffffffffff".to_owned();
        assert_eq!(before("GPU-4f1c").unwrap(), Some(last));
        let last = "GPU-4f1c0a9e-8cff-ffff-ffff-ffffffffffff".to_owned();
        assert_eq!(before("GPU-4f1c0a9e-8d").unwrap(), Some(last));
        assert_eq!(before("GPU-0000").unwrap(), None);
        assert!(before("GPU-4f1c-0").is_err(), "the first hyphen comes later");
    }

    #[test]
    fn a_place_is_of_whoever_is_there_now() {
        let device = |nth: u32, presence: &str, index: Option<u32>| json!({"uuid": format!("GPU-{nth}"), "node": "n", "slot": "00000000:B3:00.0", "presence": presence, "index": index});
        let node: NodeName = "n".parse().unwrap();
        let slot = Place::Slot("00000000:B3:00.0".parse().unwrap());
        let swapped = [device(1, "retired", Some(3)), device(2, "present", Some(3))];
        for place in [slot, Place::Index(3)] {
            assert_eq!(at(&swapped, &node, place).unwrap(), "GPU-2");
        }
        assert_eq!(at(&swapped[..1], &node, slot).unwrap(), "GPU-1", "to be reinstated");
        assert!(at(&swapped, &node, Place::Index(4)).is_err());
        assert!(at(&swapped, &"m".parse().unwrap(), slot).is_err());
        let twice = [device(1, "missing", Some(3)), device(2, "missing", Some(3))];
        assert!(at(&twice, &node, slot).is_err());
    }
}
