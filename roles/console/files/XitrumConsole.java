// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import com.sun.tools.attach.VirtualMachine;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Stream;

/**
 * The console's program: attaches to a running JVM of the same user, and joins its own input and output with a Scala interpreter in there.
 *
 * <p>Arguments: the console's folder, the process, and the seconds after which an expression is given up (0: never, a person types). The folder belongs to
 * the user alone (0700) and has the named pipes {@code in} and {@code out}, the compiled classes in {@code classes}, the paths of the compiler's jars in
 * {@code jars}, a line each, and where one expression is to be run, that in {@code expression}. It is removed in the end.
 *
 * <p>Named pipes, since Java has sockets with a path only from 16 on. Exit codes: 0, 1 for an expression that failed, 2 for a JVM that could not be attached
 * to, 124 for an expression that was given up.
 */
final class XitrumConsole {
    /** Of a constant path: a JVM keeps the agent's jar open until its end, and would keep each other one open as well. */
    static final String AGENT = "xitrum-console.jar";

    private XitrumConsole() {
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = new File(arguments[0]).toPath();
        // A terminal that is closed ends this with a signal.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(folder)));
        System.exit(run(folder, arguments[1], Integer.parseInt(arguments[2])));
    }

    static int run(Path folder, String pid, int seconds) throws Exception {
        FileInputStream out;
        FileOutputStream in;
        // Opened for both first, which does not wait for the other side: it exists before this one lets go.
        try (RandomAccessFile keepOut = new RandomAccessFile(folder.resolve("out").toFile(), "rw");
             RandomAccessFile keepIn = new RandomAccessFile(folder.resolve("in").toFile(), "rw")) {
            attach(folder, pid);
            out = new FileInputStream(folder.resolve("out").toFile());
            in = new FileOutputStream(folder.resolve("in").toFile());
        } catch (Exception error) {
            System.err.println("could not attach to process " + pid + ": " + error.getMessage());
            return 2;
        }
        CountDownLatch ended = new CountDownLatch(1);
        start("output", () -> {
            copy(out, System.out);
            ended.countDown();
        });
        if (seconds == 0) {
            start("input", () -> copy(System.in, in));
            ended.await();
        } else if (!ended.await(seconds, TimeUnit.SECONDS)) {
            // The interpreter's side sees the end of its input, and interrupts the expression.
            in.close();
            System.err.println("given up after " + seconds + " s: the expression was interrupted, and "
                + (ended.await(3, TimeUnit.SECONDS) ? "has ended" : "does not end: the thread " + XitrumConsoleShell.THREAD
                + " goes on in process " + pid + " until it does, or until the instance is restarted"));
            return 124;
        }
        return Files.exists(folder.resolve("failed")) ? 1 : 0;
    }

    private static void attach(Path folder, String pid) throws Exception {
        Path jar = folder.resolveSibling(AGENT), own = folder.resolve(AGENT);
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().putValue("Agent-Class", XitrumConsoleAgent.class.getName());
        String name = XitrumConsoleAgent.class.getName() + ".class";
        try (JarOutputStream file = new JarOutputStream(Files.newOutputStream(own), manifest)) {
            file.putNextEntry(new JarEntry(name));
            Files.copy(folder.resolve("classes").resolve(name), file);
        }
        Files.move(own, jar, StandardCopyOption.ATOMIC_MOVE);
        VirtualMachine machine = VirtualMachine.attach(pid);
        try {
            machine.loadAgent(jar.toString(), folder.toString());
        } finally {
            machine.detach();
            Files.deleteIfExists(jar);
        }
    }

    static Thread start(String name, Runnable work) {
        Thread thread = new Thread(work, XitrumConsoleShell.THREAD + "-" + name);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** Copies until an end, and closes what was written to. What is gone at either side is an end as well. */
    static void copy(InputStream from, OutputStream to) {
        byte[] buffer = new byte[8192];
        try (OutputStream closed = to == System.out ? null : to) {
            for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
                to.write(buffer, 0, count);
                to.flush();
            }
        } catch (IOException error) {
            // The other side has ended.
            return;
        }
    }

    private static void remove(Path folder) {
        try (Stream<Path> paths = Files.walk(folder)) {
            paths.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        } catch (IOException error) {
            System.err.println("could not remove " + folder + ": " + error);
        }
    }
}
