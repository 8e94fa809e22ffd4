//! Expressions of OpenSCENARIO 1.x: `${-$speed_kph / 3.6}` and `$name`.

use std::collections::BTreeMap;

/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 64;
/// Longest expression, bytes.
const BYTES_MAX: usize = 10_000;

/// A value of a parameter or an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Bool(bool),
    Text(String),
}

impl Value {
    /// Read from a text: a number, a truth value, or a text.
    pub(crate) fn of(text: &str) -> Self {
        match text.trim() {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            trimmed => match trimmed.parse::<f64>() {
                Ok(number) if number.is_finite() => Self::Number(number),
                _ => Self::Text(text.to_owned()),
            },
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(x) => Some(*x),
            Self::Bool(b) => Some(f64::from(u8::from(*b))),
            Self::Text(t) => t.trim().parse().ok().filter(|x: &f64| x.is_finite()),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(x) => format!("{x}"),
            Self::Bool(b) => format!("{b}"),
            Self::Text(t) => t.clone(),
        }
    }
}

/// Names and values, with those around them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope<'a> {
    pub(crate) around: Option<&'a Scope<'a>>,
    pub(crate) own: BTreeMap<String, Value>,
}

impl Scope<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.own.get(name).or_else(|| self.around.and_then(|around| around.get(name)))
    }

    /// The value of an attribute's text.
    pub(crate) fn value(&self, raw: &str) -> Result<Value, String> {
        let text = raw.trim();
        if let Some(inner) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
            return evaluate(inner, self);
        }
        match text.strip_prefix('$') {
            Some(name) => {
                self.get(name).cloned().ok_or_else(|| format!("there is no parameter {name}"))
            }
            None => Ok(Value::Text(raw.to_owned())),
        }
    }
}

/// Evaluates an expression without its braces.
pub(crate) fn evaluate(text: &str, scope: &Scope<'_>) -> Result<Value, String> {
    if text.len() > BYTES_MAX {
        return Err(format!("an expression of more than {BYTES_MAX} bytes"));
    }
    let mut parser = Parser { rest: text, scope, depth: 0 };
    let value = parser.any_of()?;
    parser.skip();
    if !parser.rest.is_empty() {
        return Err(format!("`{}` was not expected", shorten(parser.rest)));
    }
    match value {
        Value::Number(x) if !x.is_finite() => Err("the result is not a finite number".to_owned()),
        value => Ok(value),
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(30).collect()
}

struct Parser<'a> {
    rest: &'a str,
    scope: &'a Scope<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn takes(&mut self, symbol: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word that is not the start of a longer one.
    fn takes_word(&mut self, word: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(word) {
            Some(rest) if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_') => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn any_of(&mut self) -> Result<Value, String> {
        let mut left = self.all_of()?;
        while self.takes_word("or") {
            let right = self.all_of()?;
            left = Value::Bool(truth(&left)? | truth(&right)?);
        }
        Ok(left)
    }

    fn all_of(&mut self) -> Result<Value, String> {
        let mut left = self.comparison()?;
        while self.takes_word("and") {
            let right = self.comparison()?;
            left = Value::Bool(truth(&left)? & truth(&right)?);
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.sum()?;
        for symbol in ["<=", ">=", "==", "!=", "<", ">"] {
            if self.takes(symbol) {
                let right = self.sum()?;
                let holds = match (left.number(), right.number()) {
                    (Some(a), Some(b)) => match symbol {
                        "<=" => a <= b,
                        ">=" => a >= b,
                        "==" => a == b,
                        "!=" => a != b,
                        "<" => a < b,
                        _ => a > b,
                    },
                    _ => match symbol {
                        "==" => left.text() == right.text(),
                        "!=" => left.text() != right.text(),
                        _ => return Err("texts cannot be ordered".to_owned()),
                    },
                };
                return Ok(Value::Bool(holds));
            }
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Value, String> {
        let mut left = self.product()?;
        loop {
            if self.takes("+") {
                left = Value::Number(need(&left)? + need(&self.product()?)?);
            } else if self.takes("-") {
                left = Value::Number(need(&left)? - need(&self.product()?)?);
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Result<Value, String> {
        let mut left = self.unary()?;
        loop {
            if self.takes("*") {
                left = Value::Number(need(&left)? * need(&self.unary()?)?);
            } else if self.takes("/") {
                let by = need(&self.unary()?)?;
                if by == 0.0 {
                    return Err("a division by zero".to_owned());
                }
                left = Value::Number(need(&left)? / by);
            } else if self.takes("%") {
                let by = need(&self.unary()?)?;
                if by == 0.0 {
                    return Err("a division by zero".to_owned());
                }
                left = Value::Number(need(&left)? % by);
            } else {
                return Ok(left);
            }
        }
    }

    fn unary(&mut self) -> Result<Value, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("an expression nested more than {DEPTH_MAX} deep"));
        }
        let value = if self.takes_word("not") {
            Value::Bool(!truth(&self.unary()?)?)
        } else if self.takes("-") {
            Value::Number(-need(&self.unary()?)?)
        } else if self.takes("+") {
            self.unary()?
        } else {
            self.operand()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn operand(&mut self) -> Result<Value, String> {
        self.skip();
        if self.takes("(") {
            let value = self.any_of()?;
            return if self.takes(")") { Ok(value) } else { Err("a `)` is missing".to_owned()) };
        }
        if let Some(rest) = self.rest.strip_prefix('$') {
            let (name, rest) = word(rest);
            self.rest = rest;
            let found = self.scope.get(name).cloned();
            return found.ok_or_else(|| format!("there is no parameter {name}"));
        }
        if self.rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return self.literal();
        }
        let (name, rest) = word(self.rest);
        if name.is_empty() {
            return Err(format!("a value was expected at `{}`", shorten(self.rest)));
        }
        self.rest = rest;
        match name {
            "pi" => return Ok(Value::Number(std::f64::consts::PI)),
            "e" => return Ok(Value::Number(std::f64::consts::E)),
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            _ => {}
        }
        if !self.takes("(") {
            return Ok(Value::Text(name.to_owned()));
        }
        let mut arguments = vec![need(&self.any_of()?)?];
        while self.takes(",") {
            arguments.push(need(&self.any_of()?)?);
        }
        if !self.takes(")") {
            return Err("a `)` is missing".to_owned());
        }
        call(name, &arguments).map(Value::Number)
    }

    fn literal(&mut self) -> Result<Value, String> {
        let bytes = self.rest.as_bytes();
        let mut n = 0;
        while n < bytes.len() {
            let c = bytes[n];
            let is_sign = (c == b'-' || c == b'+') && matches!(bytes[n - 1], b'e' | b'E');
            if !(c.is_ascii_digit() || c == b'.' || c == b'e' || c == b'E' || n > 0 && is_sign) {
                break;
            }
            n += 1;
        }
        let (text, rest) = self.rest.split_at(n);
        self.rest = rest;
        let number: Option<f64> = text.parse().ok();
        number.map(Value::Number).ok_or_else(|| format!("`{}` is no number", shorten(text)))
    }
}

/// The word at the start of a text, and the rest.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    text.split_at(end.unwrap_or(text.len()))
}

fn need(value: &Value) -> Result<f64, String> {
    value.number().ok_or_else(|| format!("`{}` is no number", shorten(&value.text())))
}

fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(b) => Ok(*b),
        other => Ok(need(other)? != 0.0),
    }
}

fn call(name: &str, of: &[f64]) -> Result<f64, String> {
    let result = match (name, of) {
        ("pow", [a, b]) => a.powf(*b),
        ("min", [a, b]) => a.min(*b),
        ("max", [a, b]) => a.max(*b),
        ("atan2", [a, b]) => a.atan2(*b),
        ("abs", [a]) => a.abs(),
        ("sign", [a]) => {
            if *a == 0.0 {
                0.0
            } else {
                a.signum()
            }
        }
        ("sqrt", [a]) => a.sqrt(),
        ("round", [a]) => a.round(),
        ("floor", [a]) => a.floor(),
        ("ceil", [a]) => a.ceil(),
        ("sin", [a]) => a.sin(),
        ("cos", [a]) => a.cos(),
        ("tan", [a]) => a.tan(),
        ("asin", [a]) => a.asin(),
        ("acos", [a]) => a.acos(),
        ("atan", [a]) => a.atan(),
        ("exp", [a]) => a.exp(),
        ("ln" | "log", [a]) => a.ln(),
        ("log10", [a]) => a.log10(),
        _ => return Err(format!("{} of {} values is not known", shorten(name), of.len())),
    };
    if result.is_finite() { Ok(result) } else { Err(format!("{name} has no finite value there")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: f64) {
        let mut scope = Scope::default();
        scope.own.insert("v_kph".to_owned(), Value::Number(36.0));
        scope.own.insert("name".to_owned(), Value::Text("car".to_owned()));
        let got = evaluate(text, &scope).unwrap().number().unwrap();
        assert!((got - want).abs() < 1e-12, "{text}: {got}");
    }

    #[test]
    fn expressions_have_the_usual_order() {
        check("$v_kph / 3.6", 10.0);
        check("-$v_kph/3.6 + 2 * (1 - 3)", -14.0);
        check("pow(2,3) + sqrt( 9 ) - abs(-1)", 10.0);
        check("1 - - 1", 2.0);
        check("1e-3*1000", 1.0);
        check("2 > 1 and not (3 < 1)", 1.0);
        check("$name == car", 1.0);
        check("sign(-3)*min(2,5)", -2.0);
        check("pi/pi", 1.0);
    }

    #[test]
    fn broken_expressions_say_what_is_wrong() {
        let scope = Scope::default();
        for text in ["", "1 +", "(1", "$none", "foo(1)", "1/0", "sqrt(-1)", "1 2", "1e999", "a+1"] {
            assert!(evaluate(text, &scope).is_err(), "{text}");
        }
        assert!(evaluate(&"(".repeat(5000), &scope).is_err());
        assert!(evaluate(&"-".repeat(5000), &scope).is_err());
    }
}
