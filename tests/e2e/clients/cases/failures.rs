//! Pages and files that do not come.

use super::{CASE, Case, Nothing, Refused, lib};
use crate::hostile::Shelf;

fn wheel_status(shelf: &mut Shelf, status: u16) {
    lib(shelf).file("1.1-py3-none-any.whl").status = status;
}

pub(super) fn cases() -> Vec<Case> {
    let page = |name, hostile| Case { name, hostile, through: Nothing, ..CASE };
    let file = |name, hostile| Case { name, hostile, through: Refused("no file"), ..CASE };
    vec![
        page("the page is answered with 401", |shelf| lib(shelf).status = 401),
        page("the page is answered with 403", |shelf| lib(shelf).status = 403),
        page("the page is answered with 404", |shelf| lib(shelf).status = 404),
        page("the page is answered with 410", |shelf| lib(shelf).status = 410),
        page("the page is answered with 451", |shelf| lib(shelf).status = 451),
        page("the page is answered with 500", |shelf| lib(shelf).status = 500),
        page("the page is answered with 503", |shelf| lib(shelf).status = 503),
        page("the page is in API version 2.0", |shelf| lib(shelf).api_version = "2.0"),
        file("the wheel is answered with 403", |shelf| wheel_status(shelf, 403)),
        file("the wheel is answered with 404", |shelf| wheel_status(shelf, 404)),
        file("the wheel is answered with 451", |shelf| wheel_status(shelf, 451)),
        file("the wheel is answered with 500", |shelf| wheel_status(shelf, 500)),
        file("the wheel is answered with 503", |shelf| wheel_status(shelf, 503)),
    ]
}
