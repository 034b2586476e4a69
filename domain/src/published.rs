//! What is published of each event: its name, what it tells, and its fields, as subscribers read them.
//!
//! The tables are made of the declarations themselves: [`events!`] and [`record!`] take an enum of events or a struct as
//! it is written, with its comments, so that nothing is said of a field that is not there. How a value is written in
//! JSON says its type, by [`Shaped`].
mod shape;
mod values;

pub use shape::{Choice, Field, Record, Shape, Text};

pub(crate) use shape::Shaped;

/// A kind of thing, and the events that are of it.
#[derive(Debug, Clone, Copy)]
pub struct Noun {
    /// The word for it: the first word of the main subject, or `access` for what somebody tried.
    pub entity: &'static str,
    /// Its events.
    pub events: &'static [Published],
}

/// What is published of the events of one name.
#[derive(Debug, Clone, Copy)]
pub struct Published {
    /// The event's name.
    pub name: &'static str,
    /// What it tells.
    pub about: &'static str,
    /// The fields of its data, in order. All are always there.
    pub fields: &'static [Field],
}

/// Declares an enum of events, each as `Variant = "PublishedName" { … }`; and makes its `PUBLISHED` and `name`.
macro_rules! events {
    (
        $(#[$meta:meta])*
        pub enum $event:ident {
            $(
                $(#[doc = $about:literal])+
                $variant:ident = $name:literal { $($fields:tt)+ }
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        pub enum $event {
            $(
                $(#[doc = $about])+
                $variant { $($fields)+ },
            )+
        }

        impl $event {
            pub(crate) const PUBLISHED: &'static [$crate::published::Published] = &[
                $($crate::published::Published {
                    name: $name,
                    about: concat!($($about),+).trim_ascii(),
                    fields: $crate::published::fields!([] $($fields)+),
                }),+
            ];

            pub(crate) const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $name,)+
                }
            }
        }
    };
}

/// Declares a struct that events hold, and says how it is published.
macro_rules! record {
    (
        $(#[doc = $about:literal])+
        #[derive($($derived:ident),+)]
        pub struct $name:ident {
            $(
                $(#[doc = $what:literal])+
                pub $field:ident: $of:ty
            ),+ $(,)?
        }
    ) => {
        $(#[doc = $about])+
        #[derive($($derived),+)]
        pub struct $name {
            $(
                $(#[doc = $what])+
                pub $field: $of,
            )+
        }

        impl $name {
            pub(crate) const FIELDS: &'static [$crate::published::Field] = $crate::published::fields!([] $(
                $(#[doc = $what])+
                $field: $of,
            )+);
        }

        impl $crate::published::Shaped for $name {
            const SHAPE: $crate::published::Shape = $crate::published::Shape::Record($crate::published::Record {
                name: stringify!($name),
                about: concat!($($about),+).trim_ascii(),
                fields: Self::FIELDS,
            });
        }
    };
}

/// The table of the fields of a declaration: without those that serde skips.
macro_rules! fields {
    ([$($done:expr),*]) => { &[$($done),*] };
    (
        [$($done:expr),*]
        $(#[doc = $about:literal])+
        #[serde(skip)]
        $field:ident: $of:ty,
        $($rest:tt)*
    ) => {
        $crate::published::fields!([$($done),*] $($rest)*)
    };
    (
        [$($done:expr),*]
        $(#[doc = $about:literal])+
        $field:ident: $of:ty,
        $($rest:tt)*
    ) => {
        $crate::published::fields!(
            [$($done,)* $crate::published::Field {
                name: stringify!($field),
                about: concat!($($about),+).trim_ascii(),
                shape: <$of as $crate::published::Shaped>::SHAPE,
            }]
            $($rest)*
        )
    };
}

pub(crate) use {events, fields, record};
