//! Reads the catalogue while a program is compiled: [`t!`] and [`catalogue!`].
//!
//! The catalogue is `zh-CN.po` in this package, in the format of gettext, which every translation tool reads. Programs use
//! this macro through `easemob-admin-words`.

mod placeholders;
mod po;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Token};

use self::placeholders::placeholders;

/// The catalogue as text.
const CHINESE: &str = include_str!("../zh-CN.po");

/// The catalogue, or why it cannot be read.
static SENTENCES: LazyLock<Result<BTreeMap<String, String>, String>> = LazyLock::new(|| po::parse(CHINESE));

/// A sentence in English, as in `format!`, and what fills its placeholders.
struct Sentence {
    english: LitStr,
    arguments: Tokens,
}

impl Parse for Sentence {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let english = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self {
            english,
            arguments: input.parse()?,
        })
    }
}

/// Returns a sentence in the language that is spoken: a `&'static str` if it has no placeholders, and a `String` otherwise.
///
/// It takes what `format!` takes. The English sentence is the key of the catalogue; a sentence that is not in it stays
/// English, which a test reports. A translation that has other placeholders than the sentence does not compile.
#[proc_macro]
pub fn t(input: TokenStream) -> TokenStream {
    let sentence = syn::parse_macro_input!(input as Sentence);
    told(&sentence)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

fn told(Sentence { english, arguments }: &Sentence) -> syn::Result<Tokens> {
    let wrong = |why: String| syn::Error::new(english.span(), why);
    let sentences = SENTENCES.as_ref().map_err(|why| wrong(why.clone()))?;
    let key = english.value();
    let placeholders = placeholders(&key).map_err(wrong)?;
    let plain = placeholders.is_empty() && arguments.is_empty();
    let chinese = sentences.get(&key).map(|text| LitStr::new(text, english.span()));
    if plain {
        // No format string: a brace is a brace only if it is written twice, as in all sentences.
        let english = LitStr::new(&unescaped(&key), english.span());
        let chinese = chinese.map_or_else(
            || english.clone(),
            |text| LitStr::new(&unescaped(&text.value()), Span::call_site()),
        );
        return Ok(quote!(::easemob_admin_words::chosen(#english, #chinese)));
    }
    let Some(chinese) = chinese else {
        return Ok(quote!(::std::format!(#english, #arguments)));
    };
    let translated = self::placeholders::placeholders(&chinese.value()).map_err(wrong)?;
    if let Some(other) = self::placeholders::difference(&placeholders, &translated) {
        return Err(wrong(format!(
            "the translation in zh-CN.po has other placeholders: {other}"
        )));
    }
    Ok(quote! {
        match ::easemob_admin_words::spoken() {
            ::easemob_admin_words::Language::English => ::std::format!(#english, #arguments),
            ::easemob_admin_words::Language::Chinese => ::std::format!(#chinese, #arguments),
        }
    })
}

fn unescaped(text: &str) -> String {
    text.replace("{{", "{").replace("}}", "}")
}

/// Returns all sentences and their translations, in the order of the sentences: a `&[(&str, &str)]`.
#[proc_macro]
pub fn catalogue(_: TokenStream) -> TokenStream {
    let pairs = match SENTENCES.as_ref() {
        Ok(sentences) => sentences
            .iter()
            .map(|(english, chinese)| quote!((#english, #chinese))),
        Err(why) => {
            return syn::Error::new(Span::call_site(), why)
                .into_compile_error()
                .into();
        }
    };
    quote!(&[#(#pairs),*]).into()
}
