import Foundation
import OpenWearables
import XCTest

final class MessageTests: XCTestCase {
  func testUnknownEnumNumberIsKept() throws {
    let message = try Scalars(jsonUTF8: Data(#"{"enumValue":77}"#.utf8))
    XCTAssertEqual(message.enumValue, .unrecognized(77))
    XCTAssertEqual(try json(message), #"{"enumValue":77}"#)
    // Exhaustive without a default.
    switch message.enumValue {
    case .unspecified, .running, .swimming, .negative: XCTFail("is unknown")
    case .unrecognized(let number): XCTAssertEqual(number, 77)
    }
    XCTAssertEqual(Sport.jogging, .running)
    XCTAssertEqual(Sport(rawValue: 3), .swimming)
  }

  func testOnlyFieldsWithPresenceAreWrittenAtTheirDefault() throws {
    XCTAssertEqual(try json(Scalars(defaults: ())), "{}")
    XCTAssertEqual(try json(Optionals()), "{}")
    XCTAssertEqual(
      try json(Optionals(boolValue: false, int64Value: 0)), #"{"boolValue":false,"int64Value":"0"}"#
    )
    XCTAssertEqual(try json(Choice(kind: .boolValue(false))), #"{"boolValue":false}"#)
    XCTAssertNil(try Optionals(jsonUTF8: Data(#"{"boolValue":null}"#.utf8)).boolValue)
  }

  func testMinusZeroIsAValue() throws {
    let written = try Scalars(stringValue: "", floatValue: -0.0, doubleValue: -0.0).jsonUTF8()
    XCTAssertTrue(
      try XCTUnwrap(String(data: written, encoding: .utf8)).contains(#""doubleValue":-0"#))
    let message = try Scalars(jsonUTF8: written)
    XCTAssertEqual(message.doubleValue.sign, .minus)
    XCTAssertEqual(message.floatValue.sign, .minus)
  }

  /// Every coder of Foundation reads and writes the same JSON.
  func testEveryFoundationCoderSpeaksTheSameJSON() throws {
    let message = WellKnown(
      timestamp: Date(timeIntervalSince1970: 1.5), int64Value: .max)
    let written = try JSONEncoder().encode(message)
    XCTAssertEqual(try JSONDecoder().decode(WellKnown.self, from: written), message)
    XCTAssertEqual(
      try json(message),
      #"{"int64Value":"9223372036854775807","timestamp":"1970-01-01T00:00:01.500Z"}"#)
  }

  func testDatesRoundTripAndStayInRange() {
    for interval in [0, 0.5, -0.5, -1, 1_772_368_496.125, -62_135_596_800, 253_402_300_799] {
      let date = Date(timeIntervalSince1970: interval)
      let timestamp = Protobuf.Timestamp(date)
      XCTAssertEqual(timestamp.date, date)
      XCTAssert((0..<1_000_000_000).contains(timestamp.nanos))
      XCTAssertEqual(Protobuf.Duration(interval).timeInterval, interval)
    }
    XCTAssertEqual(Protobuf.Timestamp(.distantFuture).seconds, 64_092_211_200)
    XCTAssertEqual(
      Protobuf.Timestamp(Date(timeIntervalSince1970: 1e18)).seconds, 253_402_300_799)
    XCTAssertEqual(
      Protobuf.Timestamp(Date(timeIntervalSince1970: 0.999_999_999_9)),
      Protobuf.Timestamp(seconds: 1))
    XCTAssertLessThan(
      Protobuf.Timestamp(seconds: -1, nanos: 1), Protobuf.Timestamp(seconds: -1, nanos: 2))
    XCTAssertEqual(Protobuf.Timestamp(Date(timeIntervalSince1970: .nan)).nanos, 0)
  }

  func testWhatJSONCannotHoldIsRefused() {
    let refused: [any Message] = [
      WellKnown(timestamp: Date(timeIntervalSince1970: 253_402_300_800)),
      WellKnown(timestamp: Date(timeIntervalSince1970: -62_135_596_801)),
      WellKnown(timestamp: Date(timeIntervalSince1970: .nan)),
      WellKnown(timestamp: Date(timeIntervalSince1970: .infinity)),
      Optionals(int32Value: 1 << 31), Optionals(uint32Value: -1), Lists(int32Value: [1, -1 << 40]),
      Maps(byInt32: [1 << 31: 1]), Choice(kind: .int32Value(1 << 31)),
      Protobuf.Timestamp(seconds: 253_402_300_800),
      Protobuf.Timestamp(seconds: 0, nanos: 1_000_000_000),
      Protobuf.Timestamp(seconds: 0, nanos: -1),
      WellKnown(duration: Protobuf.Duration(seconds: 315_576_000_001)),
      WellKnown(duration: Protobuf.Duration(seconds: 1, nanos: -1)),
      WellKnown(fieldMask: ["firstName"]), WellKnown(fieldMask: ["a__b"]),
      WellKnown(fieldMask: ["a,b"]), WellKnown(value: .number(.nan)),
      WellKnown(object: ["a": .list([.number(.infinity)])]),
    ]
    for message in refused {
      XCTAssertThrowsError(try message.jsonUTF8(), "\(message)") { XCTAssert($0 is MessageError) }
    }
  }

  func testErrorsNameTheFieldAndNotTheValue() {
    let canary = "canary" + String(UInt64.random(in: 1 << 40..<1 << 50))
    let number = String(UInt64.random(in: 1 << 60..<1 << 61))
    for (json, kind, path) in [
      (#"{"int32Value":"\#(canary)"}"#, MessageError.Kind.format, "int32Value"),
      (#"{"int32Value":\#(number)}"#, .range, "int32Value"),
      (#"{"int32Value":"\#(number)"}"#, .range, "int32Value"),
      (#"{"boolValue":"\#(canary)"}"#, .type, "boolValue"),
      (#"{"messageValue":"\#(canary)"}"#, .type, "messageValue"),
      (
        #"{"messageValue":{"int32_value":1,"int32Value":2}}"#, .duplicate, "messageValue.int32Value"
      ),
      (#"{"bytesValue":"\#(canary)."}"#, .format, "bytesValue"),
      (#"{"stringValue":"\#(canary)"#, .syntax, ""),
      (#"{"stringValue":"\#(canary)" \#(canary)}"#, .syntax, ""),
      (#"{"stringValue":"\#(canary)\x"}"#, .type, "stringValue"),
      (#"\#(canary)"#, .syntax, ""),
      (#""\#(canary)""#, .type, ""),
    ] {
      expect(Optionals.self, json, kind, path, without: [canary, number])
    }
    expect(
      Maps.self, #"{"byInt32":{"\#(canary)":1}}"#, .format, "byInt32[*]", without: [canary])
    expect(
      Maps.self, #"{"toMessage":{"\#(canary)":{"int32Value":"x"}}}"#, .format,
      "toMessage[*].int32Value", without: [canary])
    expect(
      Lists.self, #"{"messageValue":[{},{"enumValue":"1","doubleValue":"\#(canary)"}]}"#, .format,
      "messageValue[1].doubleValue", without: [canary])
    expect(
      Lists.self, #"{"timestampValue":["\#(canary)"]}"#, .format, "timestampValue[0]",
      without: [canary])
    expect(
      Choice.self, #"{"stringValue":"\#(canary)","boolValue":true}"#, .oneof, nil, without: [canary]
    )
  }

  private func expect<Content: Message>(
    _ type: Content.Type, _ json: String, _ kind: MessageError.Kind, _ path: String?,
    without values: [String]
  ) {
    XCTAssertThrowsError(try Content(jsonUTF8: Data(json.utf8)), json) { error in
      guard let error = error as? MessageError else { return XCTFail("\(error)") }
      XCTAssertEqual(error.kind, kind, json)
      if let path { XCTAssertEqual(error.path, path, json) }
      var dumped = ""
      dump(error, to: &dumped)
      for text in ["\(error)", String(reflecting: error), dumped, error.localizedDescription] {
        for value in values { XCTAssertFalse(text.contains(value), text) }
      }
    }
  }

  func testAnyPacksAndUnpacksItsType() throws {
    let scalars = Scalars(stringValue: "", int32Value: 5, int64Value: 6)
    let any = try Protobuf.AnyMessage(packing: scalars)
    XCTAssertEqual(any.typeURL, "type.googleapis.com/swiftgen.test.Scalars")
    XCTAssertEqual(try any.unpack(as: Scalars.self), scalars)
    XCTAssertThrowsError(try any.unpack(as: Choice.self)) {
      XCTAssertEqual(($0 as? MessageError)?.kind, .mismatch)
    }
    let duration = Protobuf.Duration(seconds: 1, nanos: 500_000_000)
    let packed = try WellKnown(any: Protobuf.AnyMessage(packing: duration))
    XCTAssertEqual(
      try json(packed),
      #"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1.500s"}}"#)
    XCTAssertEqual(try packed.any?.unpack(as: Protobuf.Duration.self), duration)
  }

  func testRecursionHasValueSemantics() {
    var tree = Tree(name: "a", left: Tree(name: "b"))
    let copy = tree
    tree.left?.left = Tree(name: "c")
    XCTAssertNil(copy.left?.left)
    XCTAssertNotEqual(tree, copy)
    XCTAssertEqual(Set([tree, tree, copy]).count, 2)
    XCTAssertEqual(tree.left?.left?.name, "c")
    tree.other = .inner(Tree(name: ""))
    XCTAssertEqual(tree.other, .inner(Tree(name: "")))
  }

  /// A message that is nested too deeply is an error and not a crash.
  func testDeepNestingIsAnErrorAndNoCrash() {
    let deep = String(repeating: #"{"left":"#, count: 100_000)
    XCTAssertThrowsError(try Tree(jsonUTF8: Data((deep + "{}").utf8)))
  }

  private func json(_ message: some Message) throws -> String {
    String(decoding: try message.jsonUTF8(), as: UTF8.self)
  }
}
