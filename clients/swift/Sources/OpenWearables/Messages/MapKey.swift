/// A type that a map's key can have. JSON writes all of them as strings.
public protocol MapKey: FieldValue {
  init?(mapKey: String)
  var mapKey: String { get }
}

extension String: MapKey {
  public init(mapKey: String) { self = mapKey }
  public var mapKey: String { self }
}

extension MapKey where Self: LosslessStringConvertible {
  public init?(mapKey: String) { self.init(mapKey) }
  public var mapKey: String { description }
}

extension Bool: MapKey {}
extension Int32: MapKey {}
extension Int64: MapKey {}
extension UInt32: MapKey {}
extension UInt64: MapKey {}

/// The key of a map's entry. Unlike a field's name it is data.
struct MapEntryKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) {
    self.stringValue = stringValue
  }

  init?(intValue: Int) {
    nil
  }
}
