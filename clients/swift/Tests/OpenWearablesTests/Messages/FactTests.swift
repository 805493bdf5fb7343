import Foundation
import OpenWearables
import XCTest

/// What the options of the schema's fields say.
final class FactTests: XCTestCase {
  private let due = Date(timeIntervalSince1970: 1_772_323_200.25)

  func testWhatIsAlwaysThereIsNotOptional() throws {
    let loan = Loan(id: "l", book: Book(id: "b"), dueAt: due, state: .returned)
    let json = String(decoding: try loan.jsonUTF8(), as: UTF8.self)
    XCTAssertEqual(
      json,
      #"{"book":{"id":"b"},"dueAt":"2026-03-01T00:00:00.250Z","id":"l","state":"returned"}"#)
    XCTAssertEqual(try Loan(jsonUTF8: Data(json.utf8)), loan)
    for (json, path) in [
      (#"{"id":"l","book":{}}"#, "dueAt"), (#"{"dueAt":"2026-03-01T00:00:00Z"}"#, "book"),
      (#"{"book":null,"dueAt":"2026-03-01T00:00:00Z"}"#, "book"),
    ] {
      XCTAssertThrowsError(try Loan(jsonUTF8: Data(json.utf8))) {
        XCTAssertEqual(($0 as? MessageError)?.kind, .missing)
        XCTAssertEqual(($0 as? MessageError)?.path, path)
      }
    }
  }

  func testATextThatIsNotKnownIsKept() throws {
    let json =
      #"{"book":{},"dueAt":"2026-03-01T00:00:00Z","marks":["stamp","wine"],"state":"lost"}"#
    let loan = try Loan(jsonUTF8: Data(json.utf8))
    XCTAssertEqual(loan.state, .unrecognized("lost"))
    XCTAssertEqual("\(loan.state)", "lost")
    XCTAssertEqual(loan.marks, [.stamp, .unrecognized("wine")])
    XCTAssertEqual(String(decoding: try loan.jsonUTF8(), as: UTF8.self), json)
    XCTAssertEqual(Loan.State.unrecognizedValue.rawValue, "unrecognized")
    XCTAssertEqual(Loan.State(rawValue: "lent:out"), .lentOut)
    XCTAssertEqual(Loan.State.hs256.rawValue, "HS256")
    XCTAssertEqual(Reminder(state: loan.state).state, .unrecognized("lost"))
  }

  func testObjectsWithAnIDAreIdentifiable() {
    func id(_ object: some Identifiable<String>) -> String { object.id }
    XCTAssertEqual(id(Loan(id: "l", book: Book(id: "b"), dueAt: due, state: .lentOut)), "l")
    XCTAssertEqual(id(User(id: "u", createdAt: due)), "u")
    XCTAssertFalse(GetBookRequest(id: "g") as Any is any Identifiable)
  }
}
