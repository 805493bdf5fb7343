import Foundation

/// Returns the values of this package that are reached from `roots` by stored properties,
/// also by private ones and by those that the values' own mirrors leave out. Those of an
/// actor cannot be reached.
func inventory(of roots: [Any]) -> [Any] {
  var found: [Any] = []
  var seen: Set<ObjectIdentifier> = []
  func visit(_ value: Any, depth: Int) {
    let type = type(of: value)
    if type is AnyClass, !seen.insert(ObjectIdentifier(value as AnyObject)).inserted { return }
    let name = String(reflecting: type)
    let isOwn = name.hasPrefix("OpenWearables")
    if isOwn { found.append(value) }
    let containers = ["Swift.Optional<", "Swift.Array<", "Swift.Dictionary<", "Swift.Result<", "("]
    let isContainer = containers.contains(where: name.hasPrefix)
    guard depth < 24, isOwn || isContainer, !(value is any Actor) else { return }
    for child in storedProperties(of: value) { visit(child, depth: depth + 1) }
  }
  for root in roots { visit(root, depth: 0) }
  return found
}

/// Returns the values of all stored properties, whatever the value's own mirror shows.
private func storedProperties(of value: Any) -> [Any] {
  func open<T>(_ value: T) -> [Any] {
    let type = Swift.type(of: value as Any)
    return (0..<count(value, type: type)).map { index in
      var name: UnsafePointer<CChar>?
      var free: (@convention(c) (UnsafePointer<CChar>?) -> Void)?
      let child = property(of: value, type: type, index: index, outName: &name, outFreeFunc: &free)
      free?(name)
      return child
    }
  }
  return _openExistential(value, do: open)
}

// What Mirror itself uses, below the mirrors that types define.

@_silgen_name("swift_reflectionMirror_count")
private func count<T>(_: T, type: Any.Type) -> Int

@_silgen_name("swift_reflectionMirror_subscript")
private func property<T>(
  of: T, type: Any.Type, index: Int, outName: UnsafeMutablePointer<UnsafePointer<CChar>?>,
  outFreeFunc: UnsafeMutablePointer<(@convention(c) (UnsafePointer<CChar>?) -> Void)?>
) -> Any
