//! `keepuntil request template`: a request that somebody without this program can fill in.
//!
//! Every value that has to be filled in is refused as it stands, so that no template is sent by mistake.

use super::super::args::Common;
use super::super::error::Failure;
use super::super::{Done, codes, render};
use crate::disclosure::purpose::Purpose;
use crate::language::{Language, language};
use crate::storage::show;
use std::path::Path;
use tr::tr;

pub fn run(archive: Option<&Path>, common: Common) -> Result<Done, Failure> {
    if let Some(archive) = archive {
        return Err(Failure::Usage(
            tr!("{archive}: the template is the same for every archive, and takes none", archive = show(archive)),
            tr!(
                "`keepuntil request template > request.json`; with the archive at hand `keepuntil request new --help` \
                 writes a whole request"
            ),
        ));
    }
    let codes = Purpose::ALL.map(|purpose| codes::purpose(purpose.code())).join(&tr!("list" => ", "));
    let (template, explanation) = match language() {
        Language::Chinese => (CHINESE, CHINESE_HELP),
        Language::English => (ENGLISH, ENGLISH_HELP),
    };
    eprint!("{}", explanation.replace("{purposes}", &render::wrapped(&codes, 17)));
    render::text(template, common)?;
    Ok(Done::Clean)
}

const ENGLISH: &str = r#"{
  "format": "keepuntil-request/v1",
  "archive": "FILL IN: the archive's id",
  "records": "FILL IN: numbers, such as 3,17-20, or remove this line",
  "description": "FILL IN: the records in words, or remove this line",
  "purpose": "FILL IN: one of the purposes",
  "explanation": "FILL IN: what you need the records for",
  "legal_basis": "FILL IN: the law, contract or order, or remove this line",
  "references": [
    { "kind": "other", "text": "FILL IN: a case number, or remove references" }
  ],
  "identity": [
    { "paper": "FILL IN: passport, or remove identity", "sha256": "FILL IN" }
  ],
  "wanted_until": "FILL IN: a date, such as 2031-12-31",
  "made": "FILL IN: the time now in UTC, such as 2031-02-03T04:05:06Z",
  "requester": "FILL IN: your name on the custodian's roster",
  "address": "FILL IN: age1pq1..."
}
"#;

const ENGLISH_HELP: &str = "\
How to fill in a request (the request itself is on standard output):

  Replace every FILL IN, or remove the line with its comma. Save it as UTF-8.

  archive        the 32 hex digits that the archive or the custodian names
  records        their numbers, rising, if you know them
  description    the records in your own words, if you do not
  purpose        one of
                 {purposes}\
\x20 explanation    at most 2,000 characters
  references     kinds: case-number, engagement-letter,
                 confidentiality-agreement, mandate, other
  identity       papers that you show the custodian; sha256 is printed by:
                   sha256sum FILE
  address        where the answer goes, for this one request. Made by age 1.3
                 or later; keep the file secret, and destroy it afterwards:
                   age-keygen -pq -o request.json.identity

  Then sign the file as it is; after that not one byte of it may change:
    ssh-keygen -Y sign -n keepuntil-request -f ~/.ssh/id_ed25519 request.json
  Send request.json and request.json.sig to the custodian.

";

const CHINESE: &str = r#"{
  "format": "keepuntil-request/v1",
  "archive": "请填写：档案包编号",
  "records": "请填写：记录编号，如 3,17-20；不知道则删去本行",
  "description": "请填写：用文字描述记录；已填编号可删去本行",
  "purpose": "请填写：用途代码之一",
  "explanation": "请填写：为何需要这些记录",
  "legal_basis": "请填写：依据的法律、合同或裁定；没有则删去本行",
  "references": [
    { "kind": "other", "text": "请填写：案号等；没有则删去 references" }
  ],
  "identity": [
    { "paper": "请填写：证件名称；没有则删去 identity", "sha256": "请填写" }
  ],
  "wanted_until": "请填写：日期，如 2031-12-31",
  "made": "请填写：现在的 UTC 时间，如 2031-02-03T04:05:06Z",
  "requester": "请填写：您在保管人名册上的名称",
  "address": "请填写：age1pq1..."
}
"#;

const CHINESE_HELP: &str = "\
如何填写申请（申请本身输出在标准输出）：

  替换每一处“请填写”，或连同逗号删去该行。请以 UTF-8 保存。

  archive        档案包编号，32 位十六进制数字，见档案包或由保管人告知
  records        记录编号，从小到大；知道时填写
  description    不知道编号时，用自己的话描述记录
  purpose        以下之一：
                 {purposes}\
\x20 explanation    不超过 2000 字
  references     种类：case-number（案号）、engagement-letter（业务约定书）、
                 confidentiality-agreement（保密协议）、mandate（授权委托书）、other
  identity       向保管人出示的证件；sha256 由此命令得出：
                   sha256sum 文件
  address        接收答复的一次性地址，仅用于本次申请。由 age 1.3 或更高
                 版本生成；请保密，用后销毁：
                   age-keygen -pq -o request.json.identity

  然后原样签名；签名后一个字节都不能改：
    ssh-keygen -Y sign -n keepuntil-request -f ~/.ssh/id_ed25519 request.json
  把 request.json 和 request.json.sig 发给保管人。

";
