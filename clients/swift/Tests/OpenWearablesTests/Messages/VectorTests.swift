import Foundation
import XCTest

@testable import OpenWearables

/// Messages are read, written and refused as by Go's protojson.
final class VectorTests: XCTestCase {
  private struct Vector: Decodable {
    let message: String
    let json: String
    let want: String?
  }

  private static let types: [String: any Message.Type] = [
    "Scalars": Scalars.self, "Optionals": Optionals.self, "Lists": Lists.self, "Maps": Maps.self,
    "Choice": Choice.self, "WellKnown": WellKnown.self, "Keywords": Keywords.self,
    "Renamed": Renamed.self, "Tree": Tree.self, "Error": ErrorMessage.self,
    "Envelope": Envelope.self,
  ]

  func testMessagesAgreeWithProtojson() throws {
    let file = URL(fileURLWithPath: #filePath)
      .appendingPathComponent("../../../../../../internal/dev/swiftgen/testdata/vectors.json")
      .standardizedFileURL
    let vectors = try JSONDecoder().decode([Vector].self, from: Data(contentsOf: file))
    XCTAssertGreaterThan(vectors.count, 1000)
    for vector in vectors {
      let type = try XCTUnwrap(Self.types[vector.message], vector.message)
      check(vector, type)
    }
  }

  private func check<Content: Message>(_ vector: Vector, _ type: Content.Type) {
    let name = "\(vector.message) \(vector.json.prefix(200))"
    do {
      let message = try Content(jsonUTF8: Data(vector.json.utf8))
      guard let want = vector.want else {
        return XCTFail("\(name) was read, and Go refuses it")
      }
      let written = try message.jsonUTF8()
      XCTAssertEqual(try canonical(written), try canonical(Data(want.utf8)), name)
      let again = try Content(jsonUTF8: Data(want.utf8)).jsonUTF8()
      XCTAssertEqual(
        String(decoding: again, as: UTF8.self), String(decoding: written, as: UTF8.self), name)
    } catch {
      XCTAssertNil(vector.want, "\(name): \(error)")
    }
  }

  private func canonical(_ json: Data) throws -> Protobuf.Value? {
    try JSONDecoder().decode(Coded<Protobuf.Value>.self, from: json).value
  }
}
