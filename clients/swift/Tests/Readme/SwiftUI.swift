// The parts of SwiftUI and of the keychain's store that the README's snippets need to
// compile on a system without them.
@_exported import Foundation
import OpenWearables

#if canImport(FoundationNetworking)
  @_exported import FoundationNetworking
#endif

@MainActor public protocol View {
  associatedtype Body: View
  var body: Body { get }
}

extension Never: View {
  public var body: Never { fatalError() }
}

public struct Text: View {
  public init(_ text: String) {}
  public var body: Never { fatalError() }
}

public struct List<Row: View>: View {
  public init<Items: Collection>(_ items: Items, row: (Items.Element) -> Row)
  where Items.Element: Identifiable {}
  public var body: Never { fatalError() }
}

extension View {
  public func navigationTitle(_ title: String) -> some View { self }
  public func task(_ action: @escaping @MainActor () async -> Void) -> some View { self }
}

@propertyWrapper @MainActor public struct State<Value> {
  private final class Box {
    var value: Value
    init(_ value: Value) { self.value = value }
  }
  private let box: Box
  public init(wrappedValue: Value) { box = Box(wrappedValue) }
  public var wrappedValue: Value {
    get { box.value }
    nonmutating set { box.value = newValue }
  }
}

extension SessionStore where Self == MemoryStore {
  public static func keychain(
    service: String, account: String = "session", accessGroup: String? = nil
  ) -> MemoryStore { MemoryStore() }
}
