//! Protobuf as it is written (protobuf.dev, "Encoding"), and the schemas that tell readers what was
//! written: both are short, so no compiler of schemas is needed to build.

/// Fields one after the other. What is zero or empty is left out.
#[derive(Default)]
pub(crate) struct Bytes(Vec<u8>);

impl Bytes {
    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    fn tag(&mut self, field: u32, wire: u64) {
        self.varint(u64::from(field) << 3 | wire);
    }

    pub(crate) fn whole(&mut self, field: u32, n: u64) {
        if n != 0 {
            self.whole_kept(field, n);
        }
    }

    pub(crate) fn number(&mut self, field: u32, x: f64) {
        if x.to_bits() != 0 {
            self.number_kept(field, x);
        }
    }

    /// A whole number, also if it is zero.
    pub(crate) fn whole_kept(&mut self, field: u32, n: u64) {
        self.tag(field, 0);
        self.varint(n);
    }

    /// A number, also if it is zero.
    pub(crate) fn number_kept(&mut self, field: u32, x: f64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&x.to_le_bytes());
    }

    pub(crate) fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.tag(field, 2);
            self.varint(text.len() as u64);
            self.0.extend_from_slice(text.as_bytes());
        }
    }

    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut within = Self::default();
        write(&mut within);
        self.tag(field, 2);
        self.varint(within.0.len() as u64);
        self.0.extend_from_slice(&within.0);
    }
}

/// A file of a schema: name, package, syntax, files it needs, messages.
pub(crate) type FileText =
    (&'static str, &'static str, &'static str, &'static [&'static str], &'static [MessageText]);

/// A message's name, and its fields: name, number, type. A type with a capital letter is a message
/// (with a full stop: of another package) or an enumeration, one with a star stands for a list.
pub(crate) type MessageText = (&'static str, &'static [(&'static str, u32, &'static str)]);

/// A serialized `FileDescriptorSet` of some files.
pub(crate) fn schema(files: &[FileText]) -> Vec<u8> {
    let mut out = Bytes::default();
    for (name, package, syntax, needs, messages) in files {
        out.message(1, |file| {
            file.text(1, name);
            file.text(2, package);
            for need in needs.iter() {
                file.text(3, need);
            }
            for message in messages.iter() {
                file.message(4, |out| write_descriptor(out, package, message));
            }
            file.text(12, syntax);
        });
    }
    out.into_vec()
}

/// Types by their number in `FieldDescriptorProto.Type`.
const SCALARS: [(&str, u64); 9] = [
    ("double", 1),
    ("int64", 3),
    ("uint64", 4),
    ("int32", 5),
    ("fixed32", 7),
    ("bool", 8),
    ("string", 9),
    ("bytes", 12),
    ("uint32", 13),
];

/// A `DescriptorProto`.
fn write_descriptor(out: &mut Bytes, package: &str, (message, fields): &MessageText) {
    out.text(1, message);
    for (name, number, kind) in *fields {
        out.message(2, |field| {
            field.text(1, name);
            field.whole(3, u64::from(*number));
            field.whole(4, if kind.starts_with('*') { 3 } else { 1 });
            let kind = kind.trim_start_matches('*');
            if let Some((_, scalar)) = SCALARS.iter().find(|(scalar, _)| *scalar == kind) {
                field.whole(5, *scalar);
            } else if let Some((kind, _)) = kind.split_once(':') {
                field.whole(5, 14);
                field.text(6, &format!(".{package}.{message}.{kind}"));
            } else {
                field.whole(5, 11);
                let is_elsewhere = kind.starts_with(|c: char| c.is_lowercase());
                let scope = if is_elsewhere { String::new() } else { format!(".{package}") };
                field.text(6, &format!("{scope}.{kind}"));
            }
        });
    }
    for (_, _, kind) in *fields {
        let Some((name, values)) = kind.split_once(':') else { continue };
        out.message(4, |list| {
            list.text(1, name);
            for (i, value) in values.split(',').enumerate() {
                list.message(2, |out| {
                    out.text(1, value);
                    out.whole(2, i as u64);
                });
            }
        });
    }
}
