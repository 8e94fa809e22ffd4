//! The web console, embedded when it was built before the binary.

/// A file of the console.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Path below the root, such as `assets/index.js`.
    pub path: &'static str,
    /// Media type.
    pub media_type: &'static str,
    /// Content.
    pub bytes: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// What is shown when the console was not built.
const PLAIN: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>robovan</title>\
<body style=\"font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem\">\
<h1>robovan is running</h1><p>This binary was built without its web console. To have it, install \
Node.js 20 or newer and run <code>cargo xtask up</code>, or build it by hand: <code>cd console \
&amp;&amp; npm ci &amp;&amp; npm run build</code>, then build the binary again.</p>\
<p>The <a href=\"/openapi.json\">API</a> works all the same.</p>";

/// The file for a path of a URL; the start page for the root and for paths without a dot, which
/// are views of the console.
pub fn asset(path: &str) -> Option<Asset> {
    let path = path.trim_start_matches('/');
    let find = |path: &str| ASSETS.iter().find(|asset| asset.path == path).copied();
    if path.contains('.') {
        return find(path);
    }
    let plain = Asset {
        path: "index.html",
        media_type: "text/html; charset=utf-8",
        bytes: PLAIN.as_bytes(),
    };
    Some(find("index.html").unwrap_or(plain))
}
