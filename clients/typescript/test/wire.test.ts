import assert from "node:assert/strict";
import { test } from "node:test";
import { isInvalid, OpenWearablesError, Secret } from "../src/index.js";
import { decode, encode } from "../src/wire.js";
import { libraryService } from "./golden/schema.js";

const getBook = libraryService("GetBook");
const addBook = libraryService("AddBook");
const updateBook = libraryService("UpdateBook");
const at = "2026-03-02T10:00:00Z";

/** Reads a response with one book. */
function read(book: object): Record<string, unknown> {
  return decode(getBook.output, { book }).book as Record<string, unknown>;
}

test("what is missing gets its default, and what is unknown is ignored", () => {
  const author = { name: "", born: null };
  for (const more of [
    {},
    { unknown: { a: [1] }, constructor: 1 },
    { subTitle: null, pages: null },
  ]) {
    assert.deepEqual(decode(getBook.output, { book: { createdAt: at, ...more }, other: 5 }), {
      loan: null,
      book: {
        id: "",
        subTitle: null,
        createdAt: new Date(at),
        lentAt: null,
        readAt: [],
        lent: false,
        torn: null,
        pages: 0,
        edition: null,
        weight: 0,
        height: null,
        readers: 0,
        form: "",
        genres: [],
        authors: [],
        editor: null,
      },
    });
  }
  assert.deepEqual(read({ createdAt: at, authors: [{}, null], editor: {} }).authors, [
    author,
    author,
  ]);
  assert.deepEqual(read({ createdAt: at, editor: {} }).editor, author);
});

test("values come as they are, and the fraction of a time is cut to what a Date has", () => {
  const book = read({
    createdAt: "2026-03-02T10:00:00.123999999Z",
    readAt: ["2026-03-02T10:00:00.5+02:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"],
    lent: true,
    pages: 5,
    weight: 0.5,
    readers: "9007199254740991",
    form: "e_book",
    genres: ["novel"],
  });
  assert.equal((book.createdAt as Date).toISOString(), "2026-03-02T10:00:00.123Z");
  assert.deepEqual(
    (book.readAt as Date[]).map((t) => t.toISOString()),
    ["2026-03-02T08:00:00.500Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"],
  );
  assert.deepEqual(
    [book.lent, book.pages, book.weight, book.readers, book.form, book.genres],
    [true, 5, 0.5, Number.MAX_SAFE_INTEGER, "e_book", ["novel"]],
  );
});

test("what is of another type, or missing and always there, is no message", () => {
  for (const book of [
    {},
    { createdAt: null },
    { createdAt: "soon" },
    { createdAt: at, id: 5 },
    { createdAt: at, lent: "true" },
    { createdAt: at, pages: "many" },
    { createdAt: at, pages: {} },
    { createdAt: at, genres: "novel" },
    { createdAt: at, genres: [5] },
    { createdAt: at, authors: {} },
    { createdAt: at, editor: "Ada" },
    { createdAt: at, editor: [] },
  ]) {
    assert.throws(() => read(book), TypeError, JSON.stringify(book));
  }
  for (const json of [null, [], "x", 5, {}]) {
    assert.throws(() => decode(getBook.output, json), TypeError);
  }
});

test("a credential of a response is a Secret, and always there", () => {
  const { card, pin } = decode(addBook.output, { card: "c-1", pin: "p-1" });
  assert.ok(card instanceof Secret && pin instanceof Secret);
  assert.deepEqual([card.reveal(), pin.reveal()], ["c-1", "p-1"]);
  assert.equal(decode(addBook.output, { card: "c-1" }).pin, null);
  for (const wrong of [{}, { card: null }, { card: "" }, { card: 5 }, { card: "c", pin: "" }]) {
    assert.throws(() => decode(addBook.output, wrong), TypeError, JSON.stringify(wrong));
  }
});

test("a request has what was given, and no more than its message has", () => {
  const author = { name: "Ada", born: undefined, age: 36 };
  const time = new Date("2026-03-02T10:00:00.123Z");
  assert.deepEqual(encode(addBook.input, { createdAt: time, author, form: null, torn: false }), {
    createdAt: "2026-03-02T10:00:00.123Z",
    author: { name: "Ada" },
    torn: false,
  });
  assert.deepEqual(encode(addBook.input, { createdAt: at, author: { name: "" }, pages: -5 }), {
    createdAt: at,
    author: { name: "" },
    pages: -5,
  });
  assert.equal(Object.hasOwn(encode(addBook.input, Object.create({ pages: 5 })), "pages"), true);
});

test("an update mask names what was given, and not who gives it", () => {
  const changed = { id: "b", subTitle: "x", lentAt: null, password: "secret" };
  assert.deepEqual(encode(updateBook.input, { ...changed, genres: undefined }), {
    id: "b",
    subTitle: "x",
    password: "secret",
    updateMask: "subTitle,lentAt",
  });
  assert.deepEqual(encode(updateBook.input, { id: "b", genres: [] }), {
    id: "b",
    genres: [],
    updateMask: "genres",
  });
  assert.equal(encode(updateBook.input, { id: "b" }).updateMask, "");
});

test("a value that its member cannot hold is refused by name", () => {
  const right = { createdAt: at, author: { name: "Ada" } };
  for (const [wrong, field] of [
    [{ createdAt: new Date(Number.NaN) }, "created_at"],
    [{ createdAt: "2026-03-02" }, "created_at"],
    [{ createdAt: 1_770_000_000 }, "created_at"],
    [{ author: "Ada" }, "author"],
    [{ author: new Date() }, "author"],
    [{ author: [] }, "author"],
    [{ author: { name: 5 } }, "author.name"],
    [{ author: { name: "\ud800" } }, "author.name"],
    [{ torn: "false" }, "torn"],
    [{ pages: 0.5 }, "pages"],
    [{ pages: 2 ** 31 }, "pages"],
    [{ pages: Number.NaN }, "pages"],
    [{ pages: 5n }, "pages"],
  ] as const) {
    const names = (e: unknown) =>
      e instanceof OpenWearablesError && isInvalid(e) && e.fields[0]?.field === field;
    assert.throws(() => encode(addBook.input, { ...right, ...wrong }), names, field);
  }
});
