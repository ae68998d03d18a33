//! Where in-toto has objects there are objects, and everything is JSON.
//!
//! serde would also read a struct from an array of its fields' values, and skips what
//! it does not know without looking into it; other readers of the statement would
//! do neither. So every value is visited once: nothing is built, strings must be
//! Unicode, numbers in range, and nesting bounded.
//!
//! Left out: which fields there must be, and their types (`statement`).

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Refuses arrays and other values where in-toto has objects.
pub(super) fn check(payload: &[u8]) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(payload);
    Place::Statement.deserialize(&mut json)?;
    json.end()
}

/// Where in a statement a value stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Statement,
    Predicate,
    Source,
    Subjects,
    Subject(usize),
    Digest(usize),
    Annotations(usize),
    /// Where anything may be.
    Elsewhere,
}

/// The names that lead to a place.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Name {
    Subject,
    Predicate,
    Source,
    Digest,
    Annotations,
    #[serde(other)]
    Other,
}

impl Place {
    fn below(self, name: &Name) -> Self {
        match (self, name) {
            (Self::Statement, Name::Subject) => Self::Subjects,
            (Self::Statement, Name::Predicate) => Self::Predicate,
            (Self::Predicate, Name::Source) => Self::Source,
            (Self::Subject(i), Name::Digest) => Self::Digest(i),
            (Self::Subject(i), Name::Annotations) => Self::Annotations(i),
            _ => Self::Elsewhere,
        }
    }

    /// What is not an object may be here.
    fn other<E: Error>(self) -> Result<(), E> {
        match self {
            Self::Subjects | Self::Elsewhere => Ok(()),
            _ => Err(E::custom(format_args!("expected {self} to be an object"))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement => f.write_str("the statement"),
            Self::Predicate => f.write_str("`predicate`"),
            Self::Source => f.write_str("`predicate.source`"),
            Self::Subjects => f.write_str("`subject`"),
            Self::Subject(i) => write!(f, "`subject[{i}]`"),
            Self::Digest(i) => write!(f, "`subject[{i}].digest`"),
            Self::Annotations(i) => write!(f, "`subject[{i}].annotations`"),
            Self::Elsewhere => f.write_str("the value"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Name>()? {
            map.next_value_seed(self.below(&name))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.other()?;
        let mut i = 0;
        let item = |i| if matches!(self, Self::Subjects) { Self::Subject(i) } else { Self::Elsewhere };
        while items.next_element_seed(item(i))?.is_some() {
            i += 1;
        }
        Ok(())
    }

    /// Optional fields may be null.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        if matches!(self, Self::Annotations(_) | Self::Source) { Ok(()) } else { self.other() }
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.other()
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.other()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.other()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.other()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.other()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The definition: the same with the whole document in memory.
    fn by_value(payload: &[u8]) -> Result<(), String> {
        let value: Value = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let mut objects = vec![&value];
        objects.extend(value.get("predicate"));
        objects.extend(value["predicate"].get("source").filter(|source| !source.is_null()));
        for subject in value["subject"].as_array().into_iter().flatten() {
            objects.push(subject);
            objects.extend(subject.get("digest"));
            objects.extend(subject.get("annotations").filter(|annotations| !annotations.is_null()));
        }
        match objects.iter().find(|value| !value.is_object()) {
            Some(value) => Err(format!("not an object: {value}")),
            None => Ok(()),
        }
    }

    fn agree(payload: &[u8]) {
        let (here, there) = (check(payload).map_err(|error| error.to_string()), by_value(payload));
        let text = String::from_utf8_lossy(payload);
        assert_eq!(here.is_ok(), there.is_ok(), "{here:?} {there:?} {text}");
    }

    #[test]
    fn what_is_skipped_is_looked_at_too() {
        let deep = |levels| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        for (payload, good) in [
            ("{}".to_owned(), true),
            ("{\"a\":null,\"b\":[true,-1,1.5,\"x\",{}],\"c\":\"\\ud83d\\ude00\"}".into(), true),
            ("{\"subject\":[{\"digest\":{},\"annotations\":null}],\"predicate\":{}}".into(), true),
            ("{\"subject\":[{\"digest\":[]}]}".into(), false),
            ("{\"subject\":[{\"annotations\":\"\"}]}".into(), false),
            ("{\"subject\":[{},7]}".into(), false),
            ("{\"predicate\":null}".into(), false),
            ("{\"predicate\":{\"source\":null},\"source\":7}".into(), true),
            ("{\"predicate\":{\"source\":[]}}".into(), false),
            ("[]".into(), false),
            ("{} {}".into(), false),
            ("{\"a\":1e999}".into(), false),
            ("{\"a\":\"\\ud83d\"}".into(), false),
            (deep(100), true),
            (deep(200), false),
        ] {
            assert_eq!(check(payload.as_bytes()).is_ok(), good, "{payload}");
            agree(payload.as_bytes());
        }
        let error = check(b"{\"subject\":[{},{\"digest\":\"\"}]}").expect_err("a string");
        assert!(error.to_string().starts_with("expected `subject[1].digest` to be an object"), "{error}");
        assert!(check(b"{\"a\":\"\xff\"}").is_err(), "not Unicode");
    }

    /// Documents of the names that matter, each at most once in an object: whoever uses
    /// a field twice is refused before.
    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a\"\\\\\u{1f600}\u{7}]{0,3}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 40, 4, |inner| {
            let name =
                prop::sample::select(vec!["subject", "predicate", "source", "digest", "annotations", "a"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..4).prop_map(|fields| {
                    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn agrees_with_the_definition(
            document in documents(),
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut bytes = serde_json::to_vec(&document).expect("JSON");
            if let Some((at, with)) = damage {
                let at = at.index(bytes.len());
                bytes[at] = with;
            }
            agree(&bytes);
        }
    }
}
