// The parts of SwiftUI, of Combine and of the keychain's store that the README's snippets and
// the example need to compile on a system without them: our idea of Apple's API, no proof of it.
@_exported import Foundation
import OpenWearables

#if canImport(FoundationNetworking)
  @_exported import FoundationNetworking
#endif

@MainActor public protocol View {
  associatedtype Body: View
  @ViewBuilder var body: Body { get }
}

@resultBuilder public enum ViewBuilder {
  public static func buildBlock<each Part: View>(_ parts: repeat each Part) -> Group {
    Group()
  }
  public static func buildEither(first: some View) -> Group { Group() }
  public static func buildEither(second: some View) -> Group { Group() }
}

public struct Group: View {
  nonisolated init() {}
  public var body: Never { return fatalError() }
}

extension Never: View {
  public var body: Never { return fatalError() }
}

public struct Text: View {
  public init(_ text: String) {}
  public var body: Never { return fatalError() }
}

public struct List<Row: View>: View {
  public init<Items: Collection>(_ items: Items, row: (Items.Element) -> Row)
  where Items.Element: Identifiable {}
  public var body: Never { return fatalError() }
}

public struct VStack: View {
  public enum Alignment { case leading }
  public init<Content: View>(
    alignment: Alignment, @ViewBuilder content: () -> Content
  ) {}
  public var body: Never { return fatalError() }
}

public struct TextField: View {
  public init(_ title: String, text: Binding<String>) {}
  public var body: Never { return fatalError() }
}

public struct SecureField: View {
  public init(_ title: String, text: Binding<String>) {}
  public var body: Never { return fatalError() }
}

public struct Button: View {
  public init(_ title: String, action: @escaping @MainActor () -> Void) {}
  public var body: Never { return fatalError() }
}

@MainActor public protocol Scene {}

@MainActor public protocol App {
  associatedtype Body: Scene
  var body: Body { get }
  init()
}

public struct WindowGroup: Scene {
  public init<Content: View>(@ViewBuilder content: () -> Content) {}
}

public protocol ObservableObject: AnyObject {}

@propertyWrapper public struct Published<Value> {
  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
  public var wrappedValue: Value
}

@propertyWrapper @MainActor public struct ObservedObject<Object: ObservableObject> {
  public init(wrappedValue: Object) { self.wrappedValue = wrappedValue }
  public var wrappedValue: Object
}

@propertyWrapper @MainActor public struct StateObject<Object: ObservableObject> {
  public init(wrappedValue: @autoclosure @escaping () -> Object) { make = wrappedValue }
  private let make: () -> Object
  public var wrappedValue: Object { make() }
}

@MainActor public struct Binding<Value> {}

extension View {
  public func refreshable(_ action: @escaping @MainActor () async -> Void) -> some View { self }
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
  public var projectedValue: Binding<Value> { Binding() }
}

extension SessionStore where Self == MemoryStore {
  public static func keychain(
    service: String, account: String = "session", accessGroup: String? = nil
  ) -> MemoryStore { MemoryStore() }
}
