//! TOML with the line of each value.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value where it stands.
pub type Value<'a> = Spanned<DeValue<'a>>;

/// A TOML file.
#[derive(Debug)]
pub struct TomlFile<'a> {
    root: Spanned<DeTable<'a>>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> TomlFile<'a> {
    /// Reads it; the error is in one line.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        let root = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Ok(Self { root, starts })
    }

    /// The outermost table.
    pub fn root(&self) -> &DeTable<'a> {
        self.root.get_ref()
    }

    /// The table at a path of keys.
    pub fn table(&self, path: &[&str]) -> Option<&DeTable<'a>> {
        path.iter().try_fold(self.root(), |table, key| table.get(*key)?.get_ref().as_table())
    }

    /// The value at a path of keys.
    pub fn get(&self, path: &[&str]) -> Option<&Value<'a>> {
        let (last, path) = path.split_last()?;
        self.table(path)?.get(*last)
    }

    /// The line of a value, counted from 1.
    pub fn line(&self, value: &Value<'_>) -> usize {
        self.starts.partition_point(|start| *start <= value.span().start)
    }
}

/// A value of a table that is a text.
pub fn text<'t>(table: &'t DeTable<'_>, key: &str) -> Option<&'t str> {
    table.get(key)?.get_ref().as_str()
}

/// The tables of an array of tables, or the one table that is there.
pub fn tables<'t, 'a>(value: &'t Value<'a>) -> Vec<(&'t Value<'a>, &'t DeTable<'a>)> {
    match value.get_ref() {
        DeValue::Table(table) => vec![(value, table)],
        DeValue::Array(items) => {
            items.iter().filter_map(|item| Some((item, item.get_ref().as_table()?))).collect()
        }
        _ => Vec::new(),
    }
}

/// Every text in a value, however deep; with what it is a part of.
pub fn texts<'t, 'a>(value: &'t Value<'a>) -> Vec<(&'t Value<'a>, &'t str)> {
    let mut found = Vec::new();
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value.get_ref() {
            DeValue::String(text) => found.push((value, text.as_ref())),
            DeValue::Array(items) => left.extend(items.iter().rev()),
            DeValue::Table(table) => left.extend(table.iter().rev().map(|(_, value)| value)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_lines() {
        let text = "a = 1\n[b]\nc = [\n  'x',\n  { d = 'y' },\n]\n[[e]]\nf = 'z'\n";
        let file = TomlFile::parse(text).expect("TOML");
        let lines = |value: &Value<'_>| {
            let texts = texts(value);
            texts.into_iter().map(|(value, text)| (file.line(value), text.to_owned())).collect::<Vec<_>>()
        };
        let c = file.get(&["b", "c"]).expect("a value");
        assert_eq!(lines(c), [(4, "x".to_owned()), (5, "y".to_owned())]);
        let e = tables(file.get(&["e"]).expect("a value"));
        assert_eq!(e.len(), 1);
        assert_eq!(text_line(&file, e[0].1), 8);
        assert!(TomlFile::parse("a = ").is_err());
    }

    fn text_line(file: &TomlFile<'_>, table: &DeTable<'_>) -> usize {
        assert_eq!(text(table, "f"), Some("z"));
        file.line(table.get("f").expect("a value"))
    }
}
