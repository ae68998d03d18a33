//! Two macros that keep a metric's name, help and handle on one spot.

/// A struct of handles, and how it is registered. The doc comment of a handle is its
/// help text; its name stands behind it, without the `_total` that counters get.
macro_rules! metrics {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[doc = $help:literal])+ $field:ident: $kind:ty = $exposed:literal, $make:expr;)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name {
            $($(#[doc = $help])+ $field: $kind,)+
        }

        impl $name {
            /// Makes and registers them.
            pub(super) fn register(registry: &mut prometheus_client::registry::Registry) -> Self {
                $(
                    let $field: $kind = $make;
                    // The registry adds the full stop.
                    let help = concat!($($help),+).trim().trim_end_matches('.');
                    registry.register($exposed, help, $field.clone());
                )+
                Self { $($field),+ }
            }

            /// The registered names.
            #[cfg(test)]
            pub(super) const NAMES: &[&str] = &[$($exposed),+];
        }
    };
}

/// An enum whose variants are the values of a label.
macro_rules! labels {
    (
        $(#[$about:meta])*
        pub enum $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value of the label.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl prometheus_client::encoding::EncodeLabelValue for $name {
            fn encode(
                &self,
                encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
            ) -> Result<(), std::fmt::Error> {
                prometheus_client::encoding::EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}
