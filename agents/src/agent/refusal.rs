//! Whose fault a refusal is: what was reported, or how things stand with the server, which may change at any time.

/// What has to change before a refused report can be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server takes nothing of this node.
    Node,
    /// The server knows less than it was told: it has to be told everything anew.
    Unknown,
    /// The server has a device elsewhere.
    Books,
    /// The report.
    Report,
}

impl Fault {
    /// That of a refusal of this code.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "node.retired" => Self::Node,
            "node.not_found" | "device.not_found" => Self::Unknown,
            "device.elsewhere" | "device.not_on_node" => Self::Books,
            _ => Self::Report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{NodeName, Rejection, Subject, device::DeviceId};

    #[test]
    fn the_codes_are_those_of_the_rules() {
        let (node, device) = ("gpu-01".parse::<NodeName>().unwrap(), DeviceId::from_uuid(uuid::Uuid::nil()));
        for (rejection, fault) in [
            (Rejection::NodeRetired(node.clone()), Fault::Node),
            (Rejection::NotFound(Subject::Node(node.clone())), Fault::Unknown),
            (Rejection::NotFound(Subject::Device(device)), Fault::Unknown),
            (Rejection::DeviceElsewhere { device, node: node.clone() }, Fault::Books),
            (Rejection::DeviceNotOnNode { device, node: node.clone() }, Fault::Books),
            (Rejection::NamedTwice(Subject::Node(node)), Fault::Report),
        ] {
            assert_eq!(Fault::of(rejection.code()), fault, "{rejection}");
        }
    }
}
