// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** In the application's JVM: a thread with a Scala interpreter, and one that sees when nobody is at the other side any more. */
public final class XitrumConsoleShell {
    static final String THREAD = "xitrum-console";

    private XitrumConsoleShell() {
    }

    public static void open(String path) throws Exception {
        Path folder = new File(path).toPath();
        FileInputStream in;
        FileOutputStream out;
        // As on the other side: neither waits, not even for a console that has been killed meanwhile.
        try (RandomAccessFile keepIn = new RandomAccessFile(folder.resolve("in").toFile(), "rw");
             RandomAccessFile keepOut = new RandomAccessFile(folder.resolve("out").toFile(), "rw")) {
            in = new FileInputStream(folder.resolve("in").toFile());
            out = new FileOutputStream(folder.resolve("out").toFile());
        }
        PipedOutputStream typed = new PipedOutputStream();
        PipedInputStream input = new PipedInputStream(typed, 65536);
        Thread shell = new Thread(() -> interpret(folder, input, out), THREAD);
        Thread watch = new Thread(() -> watch(in, typed, shell), THREAD + "-watch");
        for (Thread thread : new Thread[] {shell, watch}) {
            thread.setDaemon(true);
            // The agent's own would be kept for as long as the thread is.
            thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
            thread.start();
        }
    }

    private static void watch(FileInputStream in, PipedOutputStream typed, Thread shell) {
        byte[] buffer = new byte[8192];
        try (FileInputStream closed = in) {
            try (PipedOutputStream end = typed) {
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    typed.write(buffer, 0, count);
                    typed.flush();
                }
            }
        } catch (IOException error) {
            // The interpreter has ended, and takes nothing more.
        }
        try {
            // It ends by itself at the end of its input, but for an expression that is still at work.
            shell.join(1000);
            shell.interrupt();
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    private static void interpret(Path folder, PipedInputStream input, FileOutputStream output) {
        try (PrintStream out = new PrintStream(output, true, "UTF-8")) {
            boolean good = false;
            try (URLClassLoader loader = (URLClassLoader) XitrumConsoleShell.class.getClassLoader()) {
                Path expression = folder.resolve("expression");
                String one = Files.exists(expression) ? new String(Files.readAllBytes(expression), StandardCharsets.UTF_8) : null;
                good = XitrumConsoleInterpreter.run(one, new BufferedReader(new InputStreamReader(input, StandardCharsets.UTF_8)), out);
            } catch (Throwable error) {
                // Whatever it is, whoever waits at the other side is to know it.
                error.printStackTrace(out);
            }
            if (!good) {
                Files.createFile(folder.resolve("failed"));
            }
        } catch (IOException error) {
            // The console was killed, and its folder is gone.
            return;
        }
    }
}
